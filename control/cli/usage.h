// SPDX-License-Identifier: Apache-2.0
//
// What `slipway help` says; completion and the manual are made of it (usage_reader.h).
#pragma once

#include <string_view>

namespace slipway::control {

inline constexpr std::string_view kUsage =
    R"(Usage: slipway [OPTIONS] NOUN VERB [ARGUMENTS]

  status                            what the appliance is doing
  top [--once]                      its workers, live: load, traffic, where cycles go, drops
  queue                             machines that wait for their turn
  drops                             frames that were not served, and why
  image list                        image sets
  image show NAME:TAG               its files, and what Secure Boot would say to them
  image import PATH NAME:TAG        a folder (on the server); a file, an ISO or a tar (sent to it)
                                    [--as tree|ramdisk] [--boot ARCH=PATH,...]
                                    [--arguments TEXT|proposed [--arch ARCH]]
                                    [--labels KEY=VALUE,...] [--needs KEY=VALUE,...]
  image import NAME:TAG --kernel K  a unified kernel image made and signed here  [--initrd I,...]
                                    [--cmdline TEXT] [--sign-key KEY --sign-cert CERT] [--stub S]
                                    [--trust CA]: whom Debian's installer is to believe
  image import NAME:TAG --from SET  the same, of what a distribution's tree proposes  [--arch ARCH]
  image uki FILE --kernel K ...     into a file; nothing is sent
  image pull REGISTRY/NAME:TAG      from another registry, or @sha256:...  [as NAME:TAG]
  image check FILE                  what Secure Boot would say to an EFI program  [--arch ARCH]
  image tag NAME[:TAG|@DIGEST] TAG  makes that tag of the same set lead to this version, in one step
  image untag NAME:TAG              the version stays by its digest for seven days
  image rm NAME:TAG
  secure-boot show                  what the machines' firmware is taken to trust
  secure-boot recheck [--all]       read what is trusted again, and judge the image sets by it
  machine list                      [--selector SELECTOR], as 'rack=a1,!retired'; [--search TEXT]
  machine show MAC|UUID             everything that is said of it
  machine set MAC|UUID NAME:TAG|-   what the machine boots next time, '-': as the rules say
                                    [--name TEXT] [--serial TEXT] [--mode MODE] [--uuid UUID]
  machine label MAC|UUID KEY=VALUE... KEY-...
  machine group MAC|UUID NAME... NAME-...      of selectors, as group=NAME
  machine variable MAC|UUID KEY=VALUE... KEY-...      of templates; before those of rules
  machine script MAC|UUID NAME|-    the template that its iPXE is sent to
  machine mode MAC|UUID MODE        always, once, until-success:N, hold
  machine approve|hold|reset|rm MAC|UUID
  machine held [--since WHEN]       whom rules hold until they are approved, of those that asked
                                    within a day
  rule list                         who gets what, in the order in which it is decided
  rule set NAME [--order N] [--when SELECTOR] [--action boot|quarantine|ignore|hold|local]
                [--image NAME:TAG] [--mode MODE] [--script NAME|-]  what is not said stays
  rule variable NAME KEY=VALUE... KEY-...
  rule option NAME CODE=HEX... CODE-...      DHCP options that it adds to answers
  rule show|rm NAME
  template list                     documents that machines have of their own
  template set NAME --file FILE     made for every machine that SELECTOR means, or refused
                                    [--when SELECTOR] [--type MEDIA/TYPE]
  template preview NAME --mac MAC|--uuid UUID    byte for byte as it is served; with --file or
                                    --when as it would be
  template show|rm NAME
  rollout list                      tags on their way to another version, and how its boots end
  rollout start NAME:TAG CANDIDATE  [--when SELECTOR] [--percent N] [--failures-max N]
  rollout show NAME:TAG             one of them in full
  rollout promote|rollback NAME:TAG
  rollout undo NAME:TAG             back to where the tag led before: after a promotion, image tag,
                                    an import or a push; again: and forth
  explain --mac MAC [--arch ARCH]   what a machine would get, and by which rule  [--uuid U]
                [--client http|ipxe|pxe|plain] [--network NAME] [--client-id HEX]
                [--circuit-id TEXT] [--remote-id TEXT] [--vendor-class TEXT]
                [--dhcp-fingerprint DIGITS]
  network list
  network show NAME
  network set NAME [--subnet P] [--pools A-B,...] [--router A] [--dns A,...] [--domain TEXT]
                [--lease-time T] [--proxy-dhcp B] [--relayed B] [--authoritative B]
                [--unknown-machines serve|boot_only|ignore] [--from FILE.json]
  network rm NAME [--all]           --all: though machines have leases in it
  network reserve NAME ADDRESS MAC|UUID|CLIENT-ID
  network unreserve NAME ADDRESS
  lease list                        [--selector SELECTOR]: of machines that it means
  boot list [MAC]                   the last hundred boots, the newest last  [--selector SELECTOR]
                                    [--outcome OUTCOME] [--cause CAUSE] [--since WHEN]
  boot show MAC|ID [--follow]       every step of the last boot, in words
  watch [MAC]                       what happens, as it happens, until Ctrl-C  [--after ID]
                                    [--kind step,boot,link,change,held,audit]
  capture MAC [-w FILE]             its frames as pcapng, until Ctrl-C; without -w into a pipe, as
                                    | tshark -r -  [--seconds N] [--bytes N] [--snap N]
  why MAC                           why it did not boot, and what to do; exit code 1 if it failed
  webhook list
  webhook add NAME URL              who is told, over HTTPS, of what happens; its secret is shown
                                    once  [--kind KINDS] [--mac MAC] [--receiver-ca FILE]
  webhook test|rm NAME
  whoami                            the name and role that the token stands for
  token list
  token create NAME --role ROLE     viewer, operator or admin; shown once  [--expires 30d]
                                    [--scope SELECTOR]: for these machines alone
  token rm NAME
  cert show                         certificates in use, and when they end
  cert rotate                       new ones, without a refused connection
  backup FILE [--images]            the state of the appliance as one tar
  audit list [--since WHEN]         who changed what; WHEN as 2h, 7d or Unix seconds
  audit verify [--head N:HASH]      whether the audit log is whole and untouched
  ca show                           the CA certificate (PEM); while it is rotated, both
  ca efi FILE                       the same as an EFI signature list, to enrol in firmware
  ca show newest                    of both the one that will be left (PEM)
  ca status                         how far its rotation is, and the next step
  ca rotate                         makes the next CA, to be enrolled beside this one
  ca withdraw                       gives that up; clients that enrolled it go on believing it
  ca activate                       the next one signs; who knows the old one may still verify
  ca deactivate                     back: the old one signs again
  ca retire                         ends the old one: who knows it alone is refused
  context list                      appliances by name, for whoever minds several
  context set NAME                  [--server A:P] [--ca FILE] [--token TEXT|-] or a certificate
                                    [--cert FILE --key FILE]; files are copied; '-': from the input
  context use NAME|-                which one is meant from now on; '-': none
  context rm NAME
  help                              this text
  completion bash|zsh               for the shell: source <(slipway completion bash)
  man                               this text as a manual page, for man -l -

Options (and the environment variables that stand for them):
  --state DIR      the state directory, for token and CA (SLIPWAY_STATE; /var/lib/slipway)
  --context NAME   instead of --state (SLIPWAY_CONTEXT; else the one in use)
  --server A:P     management address (SLIPWAY_SERVER; as DIR/management says)
  --token TEXT     (SLIPWAY_TOKEN)      --ca FILE  (SLIPWAY_CA)      --json
  --registry-ca FILE             whom to trust beside the system's authorities, when pulling
  --registry-credentials FILE    one line, user:password (SLIPWAY_REGISTRY_CREDENTIALS: the line)
  --cert FILE --key FILE                a client certificate, instead of a token
                                        (SLIPWAY_CERT, SLIPWAY_KEY)
)";

}  // namespace slipway::control
