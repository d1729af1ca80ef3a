// SPDX-License-Identifier: Apache-2.0
//
// BootRules: which file of an image set each kind of client of each architecture is sent to.
//
// A boot URI names the set's version (/<set>/<first 12 digits of the manifest's digest>/<path>), so
// that a boot in flight stays with it, at the first boot name or the network's server address. iPXE
// is sent to port 80 where that is open (old iPXE has no TLS); everything else to HTTPS.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/config/config.h"
#include "control/image_store/image_set.h"
#include "protocols/dhcp/policy.h"

namespace slipway::control {

class BootRules {
 public:
  using List = std::shared_ptr<const std::vector<dhcp::BootRule>>;

  // Both must live longer.
  BootRules(const Config& config, const std::vector<ImageSet>& sets);

  // The name or address that clients of a network reach us by.
  std::string HostOf(Ipv4Address server) const;
  const ImageSet* FindSet(const ImageSetName& name) const;

  // What clients get for whom nothing else was decided.
  std::vector<dhcp::BootRule> Common(const std::string& host) const;
  // One set's, and the way there for PXE; the same list each time. Of a set that is not in the
  // store: only the latter.
  List Of(const ImageSetName& name, const std::string& host);
  // The same, but iPXE of every architecture is sent to the path, which is taken as it is.
  List WithScript(const ImageSetName& name, const std::string& host, const std::string& path);

 private:
  void AppendPxe(std::vector<dhcp::BootRule>& rules) const;

  const Config& config_;
  std::unordered_map<std::string, const ImageSet*> sets_;  // by reference
  std::map<std::pair<std::string, std::string>, List> lists_;
};

// What [boot] gives to every client alike; null where it tells them apart, or gives nothing.
const ImageSetName* CommonSet(const Config& config);

// "debian/0123456789ab": its name and the first 12 digits of its digest.
std::string VersionName(const ImageSet& set);
// "/debian/0123456789ab/EFI/BOOT/BOOTX64.EFI", not percent-encoded.
std::string VersionPath(const ImageSet& set, const ImageFile& file);

}  // namespace slipway::control
