// SPDX-License-Identifier: Apache-2.0
//
// What the tests of a whole worker have in common: one machine's downloads and its questions.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string_view>

#include "tests/unit/dataplane/one_machine.h"

namespace slipway::dataplane {

class WorkerTest : public OneMachineTest {
 protected:
  template <class Done>
  void Talk(Station& station, Done&& done, Duration limit = std::chrono::seconds(60)) {
    OneMachineTest::Talk(station, done, limit, [] {});
    TakeLast(station);
  }
  void ExpectImage(const HttpClient& client, std::uint32_t seed = 1) const {
    Buffer wanted(kImageSize);
    SeededEntropy(seed).Fill(wanted);
    ASSERT_GT(client.text.size(), kImageSize);
    EXPECT_TRUE(AsText(client.text).starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(Equal(Bytes(client.text).last(kImageSize), wanted));
  }
  // A GET of the image that has begun: some of it has come.
  void BeginDownload(Station& station, HttpClient& client) {
    station.Connect(Port(1024), Port(80), client, now_);
    Talk(station, [&] { return client.text.size() > 10'000; });
  }
  // A GET of the image from beginning to end.
  void Boot(Station& station, Port local, Port remote, int tls_version = 0) {
    HttpClient client(kGet, kImageSize, tls_version);
    station.Connect(local, remote, client, now_);
    Talk(station, [&] { return station.closed; });
    ExpectImage(client);
    EXPECT_FALSE(station.reset);
  }
};

inline Buffer WhoHas(Ipv4Address target, const Ends& ends = kMachine) {
  Ends to_all = ends;
  to_all.to = MacAddress::Broadcast();
  return ArpFrame(to_all, {.operation = arp::Operation::kRequest,
                           .sender_mac = ends.from,
                           .sender_ip = ends.source,
                           .target_mac = {},
                           .target_ip = target});
}

inline Buffer Echo(const Ends& ends, Bytes body) {
  return IcmpFrame(ends, {.type = icmp::kEcho, .code = 0, .argument = 0x12345678, .body = body});
}

inline Buffer DnsQuery(std::string_view label) {
  Buffer query = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  query.push_back(static_cast<std::uint8_t>(label.size()));
  query.insert(query.end(), label.begin(), label.end());
  for (const char c : std::string_view("\4test\0\0\1\0\1", 10)) {
    query.push_back(static_cast<std::uint8_t>(c));
  }
  return query;
}

}  // namespace slipway::dataplane
