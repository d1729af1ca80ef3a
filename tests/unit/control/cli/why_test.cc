// SPDX-License-Identifier: Apache-2.0
#include "control/cli/why.h"

#include <gmock/gmock.h>

namespace slipway::control {
namespace {

TEST(WhyText, SaysWhatItIsByWhichStepsAndWhatToDo) {
  const nlohmann::json why = {
      {"mac", "52:54:00:00:00:01"},
      {"cause", "tls.unknown_ca"},
      {"verdict", "failed"},
      {"certainty", "likely"},
      {"sentence", "does not trust our certificate: it does not know the CA"},
      {"evidence",
       {{{"at", 1790000000.25}, {"words", "offered TLS 1.2, 12 suites: 009f,009e,006b,0067"}},
        {{"at", 1790000001.5}, {"words", "failed the TLS handshake"}}}},
      {"remedy",
       {"Enrol the CA in the firmware: slipway ca efi FILE, then the firmware's TLS settings.",
        "Check the clock."}},
      {"boot", 1790000000000000},
      {"tries_again", true}};
  EXPECT_EQ(WhyText(why, 60),
            "52:54:00:00:00:01: did not boot\n"
            "\n"
            "  Probably it does not trust our certificate: it does not\n"
            "  know the CA.  [tls.unknown_ca]\n"
            "\n"
            "  2026-09-21 (UTC)\n"
            "    14:13:20.250  offered TLS 1.2, 12 suites:\n"
            "                  009f,009e,006b,0067\n"
            "    14:13:21.500  failed the TLS handshake\n"
            "\n"
            "  It is trying again now.\n"
            "\n"
            "  What to do:\n"
            "    - Enrol the CA in the firmware: slipway ca efi FILE,\n"
            "      then the firmware's TLS settings.\n"
            "    - Check the clock.\n"
            "\n"
            "  Every step: slipway boot show 1790000000000000\n");
}

TEST(WhyText, AGoodBootIsTwoLinesAndItsProof) {
  EXPECT_EQ(WhyText({{"mac", "52:54:00:00:00:01"},
                     {"cause", "boot.complete"},
                     {"verdict", "fine"},
                     {"certainty", "certain"},
                     {"sentence", "has its whole boot file: /a"},
                     {"evidence", {{{"at", nullptr}, {"words", "has the whole file"}}}}}),
            "52:54:00:00:00:01: nothing is wrong\n"
            "\n"
            "  It has its whole boot file: /a.  [boot.complete]\n"
            "\n"
            "    has the whole file\n");
}

}  // namespace
}  // namespace slipway::control
