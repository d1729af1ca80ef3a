// SPDX-License-Identifier: Apache-2.0
#include "control/boots/causes.h"

#include <algorithm>
#include <array>

namespace slipway::control {
namespace {

using enum Verdict;

constexpr Cause kFineCauses[] = {
    {CauseId::kComplete, "boot.complete", kFine, "has its whole boot file",
     "The whole file was acknowledged. What the program does from there on is not seen from here.",
     "If the screen shows an error all the same, it is the program's own."},
    {CauseId::kUnderWay, "boot.under_way", kPending, "is booting",
     "It was heard of in the last half minute, and nothing has failed.",
     "Wait; 'slipway boot show MAC --follow' shows each step as it comes."},
    {CauseId::kWaitsForItsTurn, "admission.waiting", kPending, "waits for its turn",
     "More machines boot than the wire serves in good time; it is told to wait where firmware is "
     "patient.",
     "Wait; 'slipway queue' says for how long.\n"
     "If machines wait often, boot fewer at once or give the appliance a faster port."},
    {CauseId::kLeftToNextBoot, "policy.local", kFine, "is left to its next boot option",
     "A rule, or its own plan (once, until-success), says that it boots from here no more.",
     "'slipway explain --mac MAC' says which rule decides; 'slipway machine reset MAC' begins its "
     "plan anew."},
    {CauseId::kHeld, "policy.held", kPending, "waits for an operator",
     "Its DISCOVER was dropped under DhcpHeld: a rule holds it until it is approved, its own "
     "record does, or its plan, as too many of its boots failed.",
     "'slipway explain --mac MAC' says which; 'slipway machine held' lists all who wait.\n"
     "Approve it: slipway machine approve MAC. Release one that is held by hand: slipway machine "
     "mode MAC always. Let one that failed try again: slipway machine reset MAC."},
};

constexpr Cause kDhcpCauses[] = {
    {CauseId::kNeverSeen, "wire.never_seen", kFailed, "was never seen on the wire",
     "No frame of this MAC has become an event, since the start or in what is kept.",
     "Check cable, switch port and VLAN; slipwayd's log says when a port's link came and went.\n"
     "Check the boot order: HTTP boot must be enabled, on this network interface.\n"
     "Compare the MAC with the one on the machine's label or in its BMC.\n"
     "'slipway drops' counts what came and was not served; behind a router, a relay must send DHCP "
     "here."},
    {CauseId::kUnknownMachine, "dhcp.unknown_machine", kFailed,
     "gets no offer, as the policy does not serve it",
     "Its DISCOVER was dropped under DhcpIgnoredByRule or DhcpUnknownMachine: a rule says ignore, "
     "or the network's unknown_machines is \"ignore\" and nothing names this machine.",
     "'slipway explain --mac MAC' says which rule decides, and why.\n"
     "Make it known: slipway machine set MAC NAME:TAG.\n"
     "Or serve whoever asks in that network: unknown_machines = \"serve\" in its [[network]] "
     "table, or 'slipway network set NAME --unknown-machines serve' where the catalog has it."},
    {CauseId::kNotABootClient, "dhcp.not_a_boot_client", kFailed,
     "gets no offer, as it does not ask as a boot client",
     "Its DISCOVER has no vendor class of HTTP boot, PXE or iPXE, and unknown_machines is "
     "\"boot_only\".",
     "Enable HTTP boot in the firmware; an operating system that asks belongs to another DHCP "
     "server.\n"
     "Or write unknown_machines = \"serve\" in its [[network]] table, or 'slipway network set NAME "
     "--unknown-machines serve' where the catalog has it."},
    {CauseId::kNoNetwork, "dhcp.no_network", kFailed, "asks from a network that is not configured",
     "Its DISCOVER came through a relay whose address (giaddr, or option 82's link selection) lies "
     "in no network, or by a port without one.",
     "Add a network whose subnet holds the relay's address: 'slipway network set NAME --subnet ... "
     "--pools ... --relayed true', or a [[network]] table.\n"
     "Or take this appliance out of the relay's list."},
    {CauseId::kPoolEmpty, "dhcp.pool_empty", kFailed, "gets no offer, as no address is left",
     "Its DISCOVER was dropped under DhcpPoolEmpty or DhcpLeaseTableFull.",
     "Widen its network's pools ('slipway network list' counts addresses and leases): in its "
     "[[network]] table, or by 'slipway network set NAME --pools ...' where the catalog has it.\n"
     "Shorten lease_time in the same way, so that addresses of machines that are gone come back "
     "sooner.\n"
     "If the lease table is full, raise limits.leases."},
    {CauseId::kAddressConflict, "dhcp.address_conflict", kFailed,
     "cannot use its address: another station has it",
     "It declined the address it had got, or a probe of the address was answered by another "
     "station (DhcpConflict), or every probed address was in use.",
     "Find the station that uses the address (its MAC stands in the evidence) and give it another "
     "one.\n"
     "Keep addresses that are set by hand out of pools.\n"
     "The address is in quarantine for an hour; the machine gets another one meanwhile."},
    {CauseId::kLeaseRefused, "dhcp.refused", kFailed, "was refused the address it asked for",
     "Its REQUEST was answered by a NAK: the address is of another network or of another machine.",
     "Usually it asks anew at once and gets one. If it does not: another DHCP server on this wire "
     "has offered it that address; find it, or write proxy_dhcp = true.\n"
     "If this server is one of two, write authoritative = false. Both are keys of [[network]], and "
     "options of 'slipway network set NAME'."},
    {CauseId::kJournalBehind, "dhcp.journal_behind", kFailed,
     "gets no answer, as leases are not written to disk fast enough",
     "Its message was dropped under DhcpJournalFull.",
     "Put the state directory on a disk that syncs in milliseconds; look for what else writes to "
     "it."},
    {CauseId::kReplyTooLong, "dhcp.reply_too_long", kFailed,
     "gets no answer, as the answer would not fit what it takes",
     "Its message was dropped under DhcpReplyTooLong: option 57, or 576 bytes without it.",
     "Remove [[network.option]] entries, or shorten the names of the image set and its boot file."},
    {CauseId::kOtherServer, "dhcp.other_server", kFailed, "took the offer of another DHCP server",
     "Its REQUEST names another server's address (option 54), which the evidence shows.",
     "If that server belongs here, write proxy_dhcp = true in the [[network]], or 'slipway network "
     "set NAME --proxy-dhcp true': addresses are then its part and the boot offer ours.\n"
     "If it does not, find it by its address and switch it off; DHCP snooping in the switch keeps "
     "such servers away."},
    {CauseId::kNoBootFile, "dhcp.no_boot_file", kFailed,
     "is of an architecture for which its image set has no boot file",
     "Its DISCOVER was dropped under DhcpNoBootRule, and the image set is there.",
     "'slipway image show NAME:TAG' lists the architectures that it boots; import a set with a "
     "boot file for this one.\n"
     "Or give the architecture a set of its own: [[boot.override]]."},
    {CauseId::kPxeOnly, "dhcp.pxe_only", kFailed,
     "asks for PXE, which cannot load over HTTPS, and no loader is configured for it",
     "Its vendor class is PXEClient, and it was dropped under DhcpNoBootRule.",
     "Enable HTTP boot in the firmware and put it before PXE.\n"
     "Or point its PXE to a loader on a TFTP server: [[boot.pxe]]."},
    {CauseId::kImageSetMissing, "image.missing", kFailed,
     "gets no offer, as the image set it should boot is not there",
     "Its DISCOVER was dropped under DhcpNoBootRule, and the image set that is assigned to it or "
     "named in boot.image_set was never imported.",
     "Import it: slipway image import PATH NAME:TAG ('slipway image list' shows what there is).\n"
     "Or assign another one: slipway machine set MAC NAME:TAG."},
    {CauseId::kNoBootOffered, "dhcp.no_boot_offered", kFailed,
     "got an address, but nothing to boot",
     "It asked as a boot client, and the offer held no boot URI.",
     "Import or assign an image set: slipway image list, slipway machine set MAC NAME:TAG."},
    {CauseId::kVendorClassLost, "dhcp.vendor_class_lost", kFailed,
     "asks through a relay that takes the vendor class away",
     "Its DISCOVER came through a relay with an architecture (option 93) but no vendor class "
     "(option 60), which no boot client leaves out.",
     "Have the relay pass options 60, 93, 94 and 97 as they are; some switches strip them with "
     "DHCP snooping or 'information option' settings."},
    {CauseId::kVendorClassLostInReply, "dhcp.vendor_class_not_echoed", kFailed,
     "does not take our offers, which reach it through a relay",
     "Several DISCOVERs of an HTTP boot client came through a relay, each was answered with a boot "
     "URI, and no REQUEST came: firmware throws an offer away when option 60 or 67 is missing.",
     "Capture DHCP on the machine's side of the relay: the offer must hold option 60 = HTTPClient "
     "and option 67.\n"
     "Look at the relay's settings for option 82: a reply whose option 82 it does not know is "
     "dropped."},
    {CauseId::kOfferNotTaken, "dhcp.offer_not_taken", kFailed,
     "was offered an address and a boot, and took neither",
     "An OFFER left, and no REQUEST came within 40 s.",
     "Does another DHCP server answer too? Firmware prefers some offers to others: write "
     "proxy_dhcp = true where the other one belongs.\n"
     "Firmware may refuse plain http:// URIs; offer https.\n"
     "Does the offer reach it? Look at the switch: DHCP snooping trusts named ports alone."},
    {CauseId::kNotAnswered, "dhcp.not_answered", kFailed, "was not answered by DHCP",
     "Its message was dropped under a name that stands in the evidence.",
     "'slipway drops' explains the drop."},
};

constexpr Cause kNetworkCauses[] = {
    {CauseId::kSilentWithAddress, "net.silent", kFailed, "got its address and was not heard again",
     "After the ACK neither ARP, DNS nor TCP came from it.",
     "The ACK may not have reached it: look at the switch port (spanning tree that begins anew, "
     "port security, a VLAN that differs between the two directions).\n"
     "If the boot URI's name servers or router are not ours, it talks to those: network.dns and "
     "network.router."},
    {CauseId::kNameNotOurs, "dns.not_ours", kFailed, "asked for a name that we do not know",
     "Its DNS query was answered with an error, and no connection came.",
     "Put the name that the boot URI or the machine's own boot option uses into boot.names.\n"
     "Or correct the URI in the firmware's boot option."},
    {CauseId::kPlainHttpOff, "net.plain_http_off", kFailed,
     "came by plain HTTP, and boot.http is off",
     "It connected to port 80, which is closed, and was reset (TcpRefused); what it was offered "
     "stands beside it.",
     "Have it come by https://: the boot option of its firmware, or the script or configuration of "
     "the loader that it runs, says http://.\n"
     "If it cannot do TLS (Debian 12's iPXE cannot, nor can GRUB), write http = true in [boot] and "
     "restart; whoever is on the wire can then read and change what it loads.\n"
     "A path that ends in a proxy that takes TLS off looks the same."},
    {CauseId::kNeverConnected, "net.never_connected", kFailed,
     "knows where we are and never connected",
     "It asked for our address by ARP or DNS, and no TCP connection came.",
     "Something between drops TCP ports 80 and 443: a firewall or an access list."},
    {CauseId::kGaveUpWaiting, "admission.gave_up", kFailed, "gave up while it waited for its turn",
     "It was told to wait, and left before its turn came.",
     "Boot fewer machines at once, or raise admission.machines_at_once.\n"
     "'slipway queue' shows who waits; slipway_machines_forced_total rises when patience ends."},
};

constexpr Cause kTlsCauses[] = {
    {CauseId::kNoClientHello, "tls.no_client_hello", kFailed,
     "connected to the HTTPS port and said nothing of TLS",
     "The connection ended before a ClientHello.",
     "Its boot option may say http:// with port 443: use https://.\n"
     "A firmware without entropy waits for ever: give a virtual machine virtio-rng.\n"
     "A port scanner or load balancer looks the same."},
    {CauseId::kUnknownCa, "tls.unknown_ca", kFailed,
     "does not trust our certificate: it does not know the CA",
     "It sent the alert unknown_ca, or (firmware) closed without an alert after our certificate.",
     "Enrol the CA in the firmware: slipway ca efi FILE, then the firmware's TLS authentication "
     "settings, or the BMC's interface for certificates.\n"
     "If it is enrolled: the name in the boot URI must stand in the certificate, and the machine's "
     "clock must be right.\n"
     "With certificates of your own, the chain file must hold the intermediates."},
    {CauseId::kCertificateExpired, "tls.certificate_expired", kFailed,
     "says that our certificate has expired",
     "It sent the alert certificate_expired, or the certificate's time is over.",
     "Renew the files of [[tls.certificate]], then 'slipway cert rotate' (or SIGHUP to slipwayd); "
     "certificates of our own CA are renewed by themselves.\n"
     "If the certificate is valid, the machine's clock is ahead: set it."},
    {CauseId::kCertificateNotYetValid, "tls.certificate_not_yet_valid", kFailed,
     "takes our certificate for not yet valid",
     "It sent the alert bad_certificate though the name is right, or the certificate begins in the "
     "future. A firmware whose battery is empty lives in the past.",
     "Set the machine's clock, in UTC, and replace its battery if it forgets.\n"
     "Check the clock of this appliance as well: certificates of our own CA begin a day before its "
     "time."},
    {CauseId::kNameMismatch, "tls.name_mismatch", kFailed,
     "asked for a name that our certificate does not hold",
     "The name in the boot URI, or the one it asks for in TLS, stands in no certificate of ours, "
     "and it refused the certificate.",
     "Put the name into boot.names (our own CA), or into the certificate of [[tls.certificate]].\n"
     "A URI with an address needs the address in the certificate, as IP name."},
    {CauseId::kKeyType, "tls.key_type", kFailed, "cannot use the keys of our certificates",
     "Everything it offers needs another type of key than our certificates have, or it refused the "
     "key's type or size.",
     "Give a certificate of the other type beside the one that is there: [[tls.certificate]] with "
     "an RSA key of 3072 bits (all firmware takes it) and one with ECDSA P-256."},
    {CauseId::kNoCommonSuite, "tls.no_common_suite", kFailed,
     "offers no cipher suite that we speak",
     "We sent handshake_failure or insufficient_security; what it offered stands in the evidence.",
     "Old firmware needs tls.policy = \"firmware\", which allows CBC and RSA key exchange.\n"
     "Clear the firmware's own list of cipher suites, if somebody has set one."},
    {CauseId::kNoCommonVersion, "tls.no_common_version", kFailed,
     "offers no version of TLS that we speak",
     "We sent protocol_version, or it did; what it offered stands in the evidence.",
     "TLS 1.2 is the oldest that is spoken here: update the firmware.\n"
     "With tls.policy = \"modern\" clients must know TLS 1.2 with ECDHE or 1.3: use \"firmware\"."},
    {CauseId::kHandshakeStalled, "tls.stalled", kFailed,
     "stopped answering in the middle of the TLS handshake",
     "It offered TLS, was sent our certificate, and said nothing more until the connection "
     "was given up. Who distrusts a certificate resets or closes.",
     "Does it come every time? Then large frames may be lost on the way: the certificates are the "
     "first frames of full size; compare the mtu of every hop with ours.\n"
     "Once only: did it lose power, or was it reset? Look at its BMC."},
    {CauseId::kHandshakeFailed, "tls.failed", kFailed, "failed the TLS handshake",
     "An alert that no other cause explains; it stands in the evidence.",
     "The alert and OpenSSL's reason in the evidence say what was refused.\n"
     "tcpdump on a mirror port shows the messages."},
};

constexpr Cause kTransferCauses[] = {
    {CauseId::kNoRequest, "http.no_request", kFailed, "connected and asked for nothing",
     "The connection was open (and TLS finished), and no request came.",
     "The boot option's URI may be malformed; look at the firmware's screen.\n"
     "A monitoring check looks the same."},
    {CauseId::kNotFound, "http.not_found", kFailed, "asked for a file that is not there",
     "Its request was answered 404; the path stands in the evidence.",
     "Compare the path with 'slipway image show NAME:TAG': names are case-sensitive.\n"
     "If the firmware's own boot option names it, correct it there; the path begins with "
     "/NAME/TAG/.\n"
     "A version that was removed while the machine booted: power it on again."},
    {CauseId::kNotLoaded, "image.not_loaded", kFailed, "asked for a file that was not in memory",
     "Its request was answered 503, which firmware takes for an error.",
     "Raise images.memory, so that all sets that machines are assigned to fit.\n"
     "slipwayd's log says which set is not served, and why. Power the machine on again once it is "
     "loaded."},
    {CauseId::kRequestRefused, "http.refused", kFailed, "made a request that was refused",
     "Its request was answered with a status of 400 or more; it stands in the evidence.",
     "An intermediate device (proxy, load balancer) may rewrite requests: connect directly.\n"
     "'slipway drops' explains what is malformed."},
    {CauseId::kNoGetAfterHead, "http.no_get_after_head", kFailed,
     "asked how long the boot file is and did not load it",
     "HEAD was answered, and no GET came. Firmware asks for the length first and then needs that "
     "much memory in one piece.",
     "The file is too large for the machine's memory as firmware sees it: ISO and IMG are held in "
     "memory whole, and some firmware uses memory below 4 GiB alone. Boot a smaller program (UKI) "
     "that loads the rest.\n"
     "Firmware chooses by name: the file must end in .efi, .iso or .img.\n"
     "Give a virtual machine more memory."},
    {CauseId::kWindowClosed, "transfer.window_closed", kFailed,
     "stopped taking bytes in the middle of the file: its window is closed",
     "The connection ended with bytes to send and a closed receive window: the receiver was too "
     "busy, or hung.",
     "It is the machine's side that stands: look at its screen; firmware may wait for a key, or "
     "has run out of memory.\n"
     "Update the firmware: releases before 2024-09 do not resume after a pause."},
    {CauseId::kReceiveRingFull, "transfer.receive_ring_full", kFailed,
     "lost too many frames to load the file",
     "Many segments had to be sent again (5 % or more) before it gave up: the pattern of a receive "
     "ring that overflows, or of a bad cable.",
     "Update the firmware or its network driver; disable offloads or interrupt moderation in the "
     "adapter's setup.\n"
     "Look at the switch port's error and discard counters: a speed step down (10G to 1G) without "
     "buffers loses the same way.\n"
     "Set a lower mtu if jumbo frames are used."},
    {CauseId::kStoppedAnswering, "transfer.stopped_answering", kFailed,
     "stopped answering in the middle of the file",
     "Nothing was acknowledged any more until the connection was given up; few losses before.",
     "Did it lose power, or was it reset? Look at its BMC.\n"
     "Link lost: the switch's log."},
    {CauseId::kResetWhileLoading, "transfer.reset", kFailed,
     "broke its connection off in the middle of the file",
     "It reset or closed the connection before the whole file was acknowledged.",
     "The firmware's screen says why; often memory, or a checksum of the program.\n"
     "A device between the two that cuts long connections looks the same."},
};

constexpr Cause kAfterCauses[] = {
    {CauseId::kSecureBootRefused, "secure_boot.refused", kFailed,
     "loaded the whole file and did not run it: Secure Boot, most likely",
     "The download was complete, and then came a fresh DISCOVER at once, or nothing more from a "
     "program that the check at the door would refuse.",
     "'slipway image show NAME:TAG' says what firmware would say to the program, and why.\n"
     "Sign it with a key whose certificate is in the firmware's db (sbsign), or boot a loader that "
     "is signed already (Debian's shim).\n"
     "If it is signed: the firmware's dbx or shim's SBAT level may have revoked it; its screen "
     "says 'Access Denied' or 'Security Violation'."},
    {CauseId::kNextFileMissing, "boot.next_file_missing", kFailed,
     "has its boot file, which asked for another one that is not there",
     "After a complete download a request of the program that was loaded was answered 404.",
     "Import a folder with everything that the loader asks for (shim asks for grubx64.efi beside "
     "itself, GRUB for its configuration).\n"
     "Or boot a single file that needs no other: a UKI."},
    {CauseId::kBootLoop, "boot.loop", kFailed, "boots again and again",
     "Three or more complete boots within fifteen minutes.",
     "The program it loads ends or crashes: look at its console.\n"
     "If it was to be installed: its boot order still begins with the network. Assign another set, "
     "or put the disk first."},
    {CauseId::kWentSilent, "boot.went_silent", kFailed, "went silent in the middle of its boot",
     "Nothing was heard for more than half a minute, and no other cause fits.",
     "Look at its console; 'slipway boot show MAC' has every step."},
};

struct Section {
  std::string_view title;
  std::span<const Cause> causes;
};
constexpr Section kSections[] = {
    {"Nothing is wrong", kFineCauses},
    {"DHCP", kDhcpCauses},
    {"Between DHCP and the connection", kNetworkCauses},
    {"TLS", kTlsCauses},
    {"The transfer", kTransferCauses},
    {"After the transfer", kAfterCauses},
};

constexpr std::size_t kCount = static_cast<std::size_t>(CauseId::kWentSilent) + 1;

constexpr std::array<Cause, kCount> InOrder() {
  std::array<Cause, kCount> all{};
  std::size_t at = 0;
  for (const Section& section : kSections) {
    for (const Cause& cause : section.causes) all.at(at++) = cause;
  }
  return all;
}
constexpr std::array<Cause, kCount> kCauses = InOrder();

constexpr bool StandWhereTheyBelong() {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (kCauses.at(i).cause != static_cast<CauseId>(i) || kCauses.at(i).id.empty()) return false;
  }
  return true;
}
static_assert(StandWhereTheyBelong());

constexpr std::string_view kHead =
    "# Why did it not boot?\n\n"
    "`slipway why MAC` names one of these causes, with the steps that show it. Exit code 0: "
    "nothing is wrong, or not\n"
    "yet; 1: a failure was diagnosed. With `--json` the id stands in `cause`.\n\n"
    "This file is written from the table in `control/boots/causes.cc`; a test compares the two.\n";

}  // namespace

std::span<const Cause> Causes() { return kCauses; }

const Cause* FindCause(std::string_view id) {
  const auto* const found = std::ranges::find(kCauses, id, &Cause::id);
  return found == kCauses.end() ? nullptr : found;
}

const Cause& Describe(CauseId cause) { return kCauses.at(static_cast<std::size_t>(cause)); }

std::string TroubleshootingDocument() {
  std::string out(kHead);
  for (const Section& section : kSections) {
    out += "\n## " + std::string(section.title) + "\n";
    for (const Cause& cause : section.causes) {
      out += "\n### " + std::string(cause.id) + "\n\nThe machine " + std::string(cause.sentence) +
             ".\n\n*Seen as:* " + std::string(cause.seen) + "\n\n*What to do:*\n\n";
      std::string_view rest = cause.remedy;
      while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        out += "* " + std::string(rest.substr(0, end)) + "\n";
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
  }
  return out;
}

}  // namespace slipway::control
