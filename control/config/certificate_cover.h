// SPDX-License-Identifier: Apache-2.0
//
// What a chain that the operator brings must be for clients to take it: each certificate valid now
// and signed by the one behind it, the first covering every name that clients ask for, or where
// there are none every address (RFC 5280, RFC 6125; RFC 5246 7.4.2 for the order). Firmware checks
// them, and says little when they do not fit. Asked at the start, and each time the files are read
// anew, of the boot servers' chains and of the management interface's; at the start the dates of
// the latter are told and keep nobody out, as it is by that interface that they are mended.
//
// Left out: whether clients trust its issuer, which only they know.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/ipv4.h"

namespace slipway::control {

// What clients ask for.
struct CoveredHosts {
  std::vector<std::string> names;
  std::vector<std::string> addresses;  // that count where there are no names
  std::string_view name_words;         // what such a name is called
  std::string_view address_words;      // who asks for such an address
  std::string_view names_key;          // of the configuration
};

// Of boot URIs; addresses: the ports'.
CoveredHosts BootHosts(std::vector<std::string> names, std::vector<std::string> addresses);
// Of the management interface. Nothing on its own host counts, "localhost" and 127.0.0.1: no
// authority signs that for anybody, and a certificate of our own CA stands beside for it
// (state/management_chains.h).
CoveredHosts ManagementHosts(const std::vector<std::string>& names, Ipv4Address listening);

// Each with its remedy, as what is said of the file.
struct CertificateFaults {
  std::vector<std::string> dates;   // it has ended, or has not begun: as the clock says
  std::vector<std::string> others;  // whatever the day
};
CertificateFaults FaultsOf(const std::string& chain_pem, const CoveredHosts& hosts);
// All of them; none: the chain is good.
std::vector<std::string> CertificateMistakes(const std::string& chain_pem,
                                             const CoveredHosts& hosts);

}  // namespace slipway::control
