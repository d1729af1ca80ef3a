// SPDX-License-Identifier: Apache-2.0
//
// The tables, in the order of config/slipway.toml, and the keys of all of them.
#include "control/config/schema.h"

#include <vector>

#include "control/config/schema_keys.h"

namespace slipway::control {
namespace {

constexpr TableSchema kTables[] = {
    {"state", false, false, "Where the daemon keeps what must survive it."},
    {"management", false, false, "The REST interface of the control plane, over TLS."},
    {"management.certificate", true, false,
     "A certificate chain for management.names, beside the one of our own CA; one of each kind of "
     "key at most."},
    {"management.client", true, false,
     "Who may come with a certificate of management.client_ca instead of a token."},
    {"dataplane", false, false, "Processor cores and memory of the packet workers."},
    {"port", true, true,
     "A network port that is served, or one VLAN of it: one table each, a port's with the same "
     "device."},
    {"network", true, true, "An IPv4 network whose machines get addresses or boot offers."},
    {"network.reservation", true, false, "An address kept for one machine."},
    {"network.route", true, false, "A static route given to clients (option 121)."},
    {"network.option", true, false, "A DHCP option sent as written."},
    {"boot", false, false, "What machines are offered."},
    {"boot.override", true, false,
     "Another image set for one processor architecture, or for one kind of its clients."},
    {"boot.pxe", true, false,
     "What machines whose firmware knows only PXE are pointed to: a loader on a TFTP server."},
    {"machine", true, false,
     "A machine with an image set of its own, until the catalog has a record of its MAC or UUID."},
    {"tls", false, false, "How the boot servers speak TLS."},
    {"tls.certificate", true, false,
     "A certificate chain; without any, a CA of our own signs them."},
    {"images", false, false, "The image store."},
    {"admission", false, false,
     "Who waits when more machines boot than are served in good time; nobody waits otherwise."},
    {"secure_boot", false, false,
     "What firmware under Secure Boot would say to an image set, checked when it is imported."},
    {"log", false, false, "What the daemon says on standard error, and how."},
    {"limits", false, false, "What may be held at once, so that no client can exhaust the daemon."},
};

}  // namespace

std::span<const TableSchema> ConfigTables() { return kTables; }

std::span<const KeySchema> ConfigKeys() {
  static const std::vector<KeySchema> keys = [] {
    const auto daemon = DaemonKeys();
    const auto site = SiteKeys();
    std::vector<KeySchema> all(daemon.begin(), daemon.end());
    all.insert(all.end(), site.begin(), site.end());
    return all;
  }();
  return keys;
}

}  // namespace slipway::control
