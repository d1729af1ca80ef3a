// SPDX-License-Identifier: Apache-2.0
//
// Ports, cores and machines; networks are in check_networks.cc, certificates in check_tls.cc.
#include "control/config/cross_check.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "control/architecture.h"
#include "control/config/value.h"
#include "control/text.h"

namespace slipway::control {

void Complaints::Add(const Section& section, std::string_view key, std::string_view what) {
  const Entry& entry = section.At(key);
  problems_.push_back(
      {file_.string(), entry.where, Text(section.path, '.', key, " = ", entry.shown, ": ", what)});
}

void Complaints::Warn(const Section& section, std::string_view key, std::string_view what) {
  const Entry& entry = section.At(key);
  warnings_.push_back(
      {file_.string(), entry.where, Text(section.path, '.', key, " = ", entry.shown, ": ", what)});
}

void Complaints::AddElement(const Section& section, std::string_view key, std::size_t index,
                            std::string_view element, std::string_view what) {
  problems_.push_back({file_.string(), section.At(key).places[index],
                       Text(section.path, '.', key, " = \"", element, "\": ", what)});
}

void Complaints::Add(const Section& section, std::string_view what) {
  problems_.push_back({file_.string(), section.where,
                       section.path.empty() ? std::string(what) : Text(section.path, ": ", what)});
}

namespace {

// Remembers where each value stood first.
template <class T>
class Unique {
 public:
  // The line of the first one, 0 when this is it.
  unsigned Seen(const T& value, Where where) {
    return places_.emplace(value, where).second ? 0 : places_.at(value).line;
  }

 private:
  std::map<T, Where> places_;
};

// What the [[port]] tables before have named.
struct SeenDevices {
  Unique<std::string> names;                           // what stands before the arguments
  std::map<std::string, std::string> texts;            // by name: all of it, as it stood first
  Unique<std::pair<std::string, std::int64_t>> vlans;  // by name and number
};

// Tables of one device are VLANs of one port. What follows a virtual device's name configures it,
// and nobody says which of two would be meant.
void CheckDevice(const Section& port, const std::string& device, SeenDevices& seen,
                 Complaints& complaints) {
  const std::string name = device.substr(0, device.find(','));
  const std::string or_number = IsPciAddress(name) || IsKernelInterface(name)
                                    ? ""
                                    : ", or number virtual devices, such as net_vhost1";
  const Where where = port.At("device").where;
  const unsigned line = seen.names.Seen(name, where);
  const std::string& first = seen.texts.emplace(name, device).first->second;
  const std::int64_t vlan = port.Get<std::int64_t>("vlan").value_or(0);
  if (first != device) {
    complaints.Add(
        port, "device",
        Text("already the port in line ", line,
             ", with other arguments; write the same for another VLAN of it", or_number));
  } else if (const unsigned same = seen.vlans.Seen({name, vlan}, where)) {
    complaints.Add(port, "device",
                   Text("already the port in line ", same, ", with the same VLAN",
                        "; write each VLAN of a port once", or_number));
  }
}

void CheckPortAddresses(const Section& port, Unique<Ipv4Address>& addresses,
                        Complaints& complaints) {
  const auto list = port.List<Ipv4Prefix>("addresses");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Ipv4Prefix& prefix = list[i];
    const auto complain = [&](std::string_view what) {
      complaints.AddElement(port, "addresses", i, prefix.ToString(), what);
    };
    const bool has_ends = prefix.length < 31;
    if (!prefix.address.is_answerable()) {
      complain("not an address a host can have; write a unicast address");
    } else if (prefix.length == 0) {
      complain("no prefix length; write the network's, such as /24");
    } else if (has_ends &&
               (prefix.address == prefix.network() || prefix.address == prefix.broadcast())) {
      complain(Text("the network's own or its broadcast address; write a host's, such as \"",
                    Ipv4Address(prefix.network().value() + 1).ToString(), '/', prefix.length, '"'));
    } else if (const unsigned line =
                   addresses.Seen(prefix.address, port.At("addresses").places[i])) {
      complain(Text("already an address in line ", line, "; write each once"));
    }
  }
  const auto gateway = port.Get<Ipv4Address>("gateway");
  if (!gateway || list.empty()) return;
  bool on_link = false;
  bool own = false;
  for (const Ipv4Prefix& prefix : list) {
    on_link = on_link || prefix.Contains(*gateway);
    own = own || prefix.address == *gateway;
  }
  if (own) {
    complaints.Add(port, "gateway", "the port's own address; write the router's or leave it out");
  } else if (!on_link) {
    complaints.Add(port, "gateway",
                   Text("not on the link; write an address inside ",
                        Ipv4Prefix{list[0].network(), list[0].length}.ToString()));
  }
}

}  // namespace

void CheckPorts(const Section& root, Complaints& complaints) {
  const Section& dataplane = root.Child("dataplane");
  const auto cores = dataplane.List<std::int64_t>("cores");
  Unique<std::int64_t> seen_cores;
  for (std::size_t i = 0; i < cores.size(); ++i) {
    if (seen_cores.Seen(cores[i], dataplane.At("cores").places[i]) != 0) {
      complaints.AddElement(dataplane, "cores", i, Text(cores[i]),
                            "named twice; write each core once");
    }
  }
  if (cores.empty() && dataplane.At("cores").shown == "[]") {
    complaints.Add(dataplane, "cores", "no worker would run; write at least one core");
  }
  const auto& ports = root.Children("port");
  if (ports.empty()) {
    complaints.Add(root, "port: missing; write a [[port]] table with device and addresses");
  }
  SeenDevices devices;
  Unique<Ipv4Address> addresses;
  for (const Section& port : ports) {
    if (const auto device = port.Get<std::string>("device")) {
      CheckDevice(port, *device, devices, complaints);
      if (IsPciAddress(*device) && dataplane.Get<bool>("hugepages") == false) {
        complaints.Add(port, "device",
                       "a real port needs hugepages; write dataplane.hugepages = true");
      }
    }
    if (port.At("addresses").shown == "[]") {
      complaints.Add(port, "addresses", "empty; write at least one, such as \"10.77.0.1/24\"");
    }
    CheckPortAddresses(port, addresses, complaints);
  }
}

void CheckMachines(const Section& root, Complaints& complaints) {
  Unique<std::uint64_t> macs;
  Unique<Uuid> uuids;
  for (const Section& machine : root.Children("machine")) {
    const auto mac = machine.Get<MacAddress>("mac");
    const auto uuid = machine.Get<Uuid>("uuid");
    if (!machine.Written("mac") && !machine.Written("uuid")) {
      complaints.Add(machine, "nothing says which machine; write mac or uuid");
    }
    if (const unsigned line = mac ? macs.Seen(mac->value(), machine.At("mac").where) : 0) {
      complaints.Add(machine, "mac",
                     Text("already a machine in line ", line, "; keep one of them"));
    }
    if (const unsigned line = uuid ? uuids.Seen(*uuid, machine.At("uuid").where) : 0) {
      complaints.Add(machine, "uuid",
                     Text("already a machine in line ", line, "; keep one of them"));
    }
  }
}

void CheckBoot(const Section& root, Complaints& complaints) {
  Unique<std::string> overridden;
  for (const Section& rule : root.Child("boot").Children("override")) {
    const auto name = rule.Get<std::string>("architecture");
    const auto client = rule.Get<std::string>("client");
    if (!name || !client) continue;
    if (const unsigned line = overridden.Seen(Text(ClientArchitecture(*name), ' ', *client),
                                              rule.At("architecture").where)) {
      complaints.Add(rule, "architecture",
                     Text("already overridden in line ", line, "; keep one of them"));
    }
  }
  Unique<std::string> pointed;
  for (const Section& rule : root.Child("boot").Children("pxe")) {
    const auto name = rule.Get<std::string>("architecture");
    const std::string machine(ClientArchitecture(name.value_or("")));
    if (const unsigned line = name ? pointed.Seen(machine, rule.At("architecture").where) : 0) {
      complaints.Add(rule, "architecture",
                     Text("already has a file in line ", line, "; keep one of them"));
    }
    if (const auto server = rule.Get<Ipv4Address>("server"); server && !server->is_answerable()) {
      complaints.Add(rule, "server", "not an address a host can have; write the TFTP server's");
    }
    // The BOOTP field that PXE reads it from, less its NUL.
    constexpr std::size_t kFileMax = 127;
    const auto file = rule.Get<std::string>("file");
    if (!file) continue;
    if (file->empty() || file->size() > kFileMax ||
        !std::ranges::all_of(*file, [](char c) { return c > ' ' && c <= '~'; })) {
      complaints.Add(
          rule, "file",
          "PXE takes names of 1 to 127 ASCII characters without blanks; write such a one");
    }
  }
}

void CrossCheck(const Section& root, const std::filesystem::path& file, Findings findings) {
  Complaints complaints(file, findings);
  CheckPorts(root, complaints);
  CheckNetworks(root, complaints);
  CheckLentRouters(root, complaints);
  CheckMachines(root, complaints);
  CheckBoot(root, complaints);
  CheckTls(root, complaints);
  CheckSecureBoot(root, complaints);
}

}  // namespace slipway::control
