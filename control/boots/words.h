// SPDX-License-Identifier: Apache-2.0
//
// The words in which a boot is told: steps, TLS versions and alerts (RFC 8446 6, RFC 5246 7.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/boots/timelines.h"

namespace slipway::control {

// "TLS 1.2, ECDHE-RSA-AES128-GCM-SHA256 P-256"
std::string TlsWords(std::int64_t version, std::string_view suite_and_group);
// `sent` and `received` are alert numbers, -1: none. ", said unknown_ca (48)"
std::string AlertWords(std::int64_t sent, std::int64_t received);
std::string_view AlertName(std::int64_t alert);
// "GET /a/b" -> "/a/b"
std::string_view PathOf(std::string_view method_and_path);
// Of a request's step: whether its answer is a file, or a part of one, which is told when all of it
// was acknowledged.
bool HasFile(const BootStep& request);
// A fact of an event's text (dataplane/event.h): its value, or empty; as a number, or 0.
std::string_view FactText(std::string_view text, std::string_view name);
std::int64_t Fact(std::string_view text, std::string_view name);
// By the text of its DISCOVER: firmware, or iPXE.
bool IsBootClient(std::string_view text);
// The sentence of the last step.
std::string WhereItStands(const Boot& boot);

}  // namespace slipway::control
