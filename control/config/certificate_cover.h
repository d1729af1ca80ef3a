// SPDX-License-Identifier: Apache-2.0
//
// What a chain that the operator brings must be for machines to take it: valid now, and covering
// every boot name, or where there are none every address that a boot URI can name (RFC 5280, RFC
// 6125). Firmware checks the first certificate, and says little when it does not fit. Asked at the
// start, and each time the files are read anew.
//
// Left out: whether machines trust its issuer, which only they know.
#pragma once

#include <string>
#include <vector>

namespace slipway::control {

// What boot URIs name.
struct BootHosts {
  std::vector<std::string> names;
  std::vector<std::string> addresses;  // of the ports; named where there are no names
};

// Each with its remedy, as what is said of the file; none: the chain is good.
std::vector<std::string> CertificateMistakes(const std::string& chain_pem, const BootHosts& hosts);

}  // namespace slipway::control
