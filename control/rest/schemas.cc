// SPDX-License-Identifier: Apache-2.0
#include "control/rest/schemas.h"

#include <array>
#include <string>

namespace slipway::control {
namespace {

constexpr Schema kSchemas[] = {
    {"Problem", "What went wrong, and what to do (RFC 9457).",
     "type:string title:string status:integer detail:string"},
    {"ProblemKind", "What a problem's type means.",
     "type:string title:string status:integer remedy:string"},
    {"Health", "", "status:string"},
    {"Status", "Counts are of this run of the daemon; times in seconds.",
     "status:string workers:integer connections:integer bytes_sent:integer machines_served:integer "
     "machines_served_at_most:integer machines_waiting:integer expected_wait_seconds:integer~ "
     "image_sets:integer boots_complete:integer boots_failed:integer boots_abandoned:integer "
     "warnings:[string]"},
    {"Drop", "Frames not served for one reason.",
     "name:string count:integer severity:normal|peer|load sentence:string"},
    {"Workers", "", "boots:BootCounts workers:[Worker]"},
    {"BootCounts", "Boots by outcome.",
     "under_way:integer complete:integer failed:integer abandoned:integer"},
    {"Worker",
     "What a packet worker counted since its start; `at` is its own clock in seconds. Bursts count "
     "by powers of two.",
     "worker:integer at:number cycles:{integer} rounds:{integer} steps:{StepCounts} "
     "seal_sample:{integer} received:Received sent:Sent outbox:{integer} pool:{integer} "
     "connections:{integer} handshakes:{integer} events_lost:integer drops:{DropCounts}"},
    {"StepCounts", "", "in:integer out:integer cycles:integer"},
    {"Received", "", "frames:integer bytes:integer bursts:[integer]"},
    {"Sent", "",
     "frames:integer bytes:integer bursts:[integer] payload_bytes:integer sealed_bytes:integer "
     "borrowed_bytes:integer retransmissions:integer"},
    {"DropCounts", "", "count:integer severity:normal|peer|load sentence:string"},

    {"PullRequest",
     "`ca` is PEM, trusted beside the system's authorities; user and password are the registry's.",
     "source:string reference?:string ca?:string user?:string password?:string"},
    {"Pull", "`doing` is what it does now; bytes_resumed were there from a pull before it.",
     "id:integer source:string reference:string state:string doing:string bytes:integer "
     "bytes_total:integer bytes_resumed:integer digest:string error:string"},

    {"Capture", "`began` in Unix seconds; `bytes` of the file so far; `lost` frames.",
     "id:integer mac:string who:string began:integer frames:integer bytes:integer lost:integer"},

    {"Actor", "Who asks.", "name:string role:viewer|operator|admin scope:string address:string"},
    {"Token",
     "Times in Unix seconds; null: never. `scope` is a selector: the machines that it is for.",
     "name:string role:viewer|operator|admin scope:string created:integer expires:integer~ "
     "last_used:integer~"},
    {"NewToken", "The only answer that holds the token's text.",
     "name:string role:viewer|operator|admin scope:string created:integer expires:integer~ "
     "last_used:integer~ "
     "token:string"},
    {"TokenRequest",
     "A token of that name that is there gets another text; with `If-None-Match: *` it stays "
     "(412).",
     "role:viewer|operator|admin scope?:string expires_in_seconds?:integer"},
    {"Certificate", "Times in Unix seconds; the fingerprint is SHA-256.",
     "name:string subject:string issuer:string key:string names:[string] not_before:integer "
     "not_after:integer days_left:integer state:valid|expired|not-yet-valid "
     "renewed_by_itself:boolean fingerprint:string"},
    {"CaRotation",
     "steady: one CA. prepared: the next one (`ca-next`) is to be enrolled, and signs nothing yet. "
     "active: it signs (`ca`), and the one before it (`ca-previous`) is still believed.",
     "phase:steady|prepared|active certificates:[Certificate] next_step:string"},
    {"AuditRecord", "One change; `hash` covers all else and the record before.",
     "id:integer at:integer who:string address:string request:string what:string before:any "
     "after:any previous:string hash:string"},
    {"AuditVerdict", "`fault` names the first record that is wrong.",
     "good:boolean fault:string~ head:string~"},

    {"ImageSet",
     "`secure_boot` is null where it was never judged; a list has it without its files. Its "
     "`refused_since` says when what firmware trusts turned against the set. `previous` "
     "as of a Tag.",
     "reference:string digest:string previous:string previous_kept:boolean created:integer "
     "bytes:integer loaded:boolean boot:{string} "
     "arguments:{string} labels:{string} needs:{string} secure_boot:object~ layout:ImageLayout~ "
     "files:[ImageFile]"},
    {"ImageFile", "`role` is empty in sets from before there were roles.",
     "path:string digest:string bytes:integer media_type:string role:string architecture:string"},
    {"ImageLayout",
     "A distribution's tree, and what would boot its installer over HTTPS; null where none is "
     "recognised, and in lists.",
     "family:string title:string boots:[BootProposal] notes:[string]"},
    {"BootProposal", "", "architecture:string kernel:string initrds:[string] arguments:string"},
    {"Tag",
     "Digests in hex. `previous` is what it led to before it last moved, \"\" where that is not "
     "known; to put that is the way back, as long as `previous_kept`.",
     "reference:string digest:string previous:string previous_kept:boolean"},
    {"TagChange", "A version of the same repository: sha256: and 64 hex digits, or these alone.",
     "digest:string"},
    {"ImageImport", "A path on the appliance; the rest as in the query.",
     "path:string as?:tree|ramdisk boot?:{string} arguments?:{string} labels?:{string} "
     "needs?:{string}"},
    {"SecureBootTrust",
     "What the machines' firmware trusts. `refused`: why its files, which were changed since, were "
     "not taken; empty: they were.",
     "sources:[string] version:string db:[object] db_digests:integer dbx_certificates:integer "
     "dbx_digests:integer sbat_level:{integer} policy:warn|refuse refused:string"},
    {"SecureBootRecheck", "Image sets whose outcome changed.", "changed:[string] version:string"},
    {"SecureBootVerdict", "", "outcome:string words:string files:[object] judged_by:[string]"},

    {"Machine", "",
     "id:integer mac:string uuid:string name:string serial:string image_set:string "
     "groups:[string] labels:{string} variables:{string} script:string mode:string hold:boolean "
     "approved:boolean boots_completed:integer boots_failed:integer firmware:[SeenFirmware]"},
    {"SeenFirmware",
     "What a machine's boots showed of its firmware, or of the iPXE after it; `since` in Unix "
     "seconds: it is as it is. Fingerprints are no proof; empty: it was not seen.",
     "client:http|ipxe|pxe dhcp:string tcp:string tls:string like:string since:integer"},
    {"MachineChange", "What it mentions is changed.",
     "uuid?:string name?:string serial?:string image_set?:string groups?:[string] "
     "labels?:{string} variables?:{string} script?:string mode?:string hold?:boolean "
     "approved?:boolean"},
    {"HeldMachine",
     "Of a machine that a rule holds: what it said of itself, when it asked (Unix seconds) and how "
     "often; `known`: whether it is in the catalog or the configuration file, by that `name`; "
     "`machine`: what it is asked for and approved by, its MAC or its UUID.",
     "machine:string mac:string uuid:string architecture:string client:string vendor_class:string "
     "network:string "
     "relay:string rule:string first_asked:number last_asked:number asked:integer known:boolean "
     "name:string"},
    {"Rule", "",
     "name:string order:integer selector:string action:string image_set:string mode:string "
     "options:[RuleOption] variables:{string} script:string"},
    {"RuleChange", "",
     "name?:string order?:integer selector?:string action?:string image_set?:string mode?:string "
     "options?:[RuleOption] variables?:{string} script?:string"},
    {"RuleOption", "A DHCP option.", "code:integer hex:string"},
    {"Explanation",
     "`unmet_needs`: of what the image set needs, what such a machine is known not to have.",
     "network:string machine:string steps:[ExplanationStep] decided_by:string action:string "
     "image_set:string uri:string words:string unmet_needs:[string]"},
    {"ExplanationStep", "", "rule:string decides:boolean words:string"},

    {"TemplateChange",
     "What it mentions is changed; the media type is that of the name where it was never said.",
     "name?:string text?:string media_type?:string selector?:string"},
    {"TemplateState",
     "`documents` is how many machines have one; a list is without `text` and `failing`.",
     "name:string selector:string media_type:string bytes:integer documents:integer "
     "failures:integer text?:string failing?:[DocumentFailure]"},
    {"DocumentFailure", "Why a machine that the template means has no document.",
     "machine:string words:string"},
    {"TemplatePreview", "`path` is on the boot server; `digest` is the document's ETag there.",
     "name:string machine:string path:string media_type:string digest:string text:string"},

    {"Rollout",
     "`candidate_digest` is the version on trial: what the candidate led to when the rollout was "
     "put; `stable_digest` is what it is held against: what the tag led to when that was first "
     "tried. Where either has moved since it is not promoted; to put the rollout again tries what "
     "the candidate leads to now.",
     "stable:string candidate:string candidate_digest:string stable_digest:string selector:string "
     "percent:integer failures_max:integer"},
    {"RolloutChange",
     "An answer may be sent back; both digests are noted by the appliance. `stable_digest`: where "
     "the tag was moved since, what it leads to now, to go on against that; anything else changes "
     "nothing.",
     "stable?:string candidate?:string candidate_digest?:string stable_digest?:string "
     "selector?:string percent?:integer failures_max?:integer"},
    {"RolloutState", "`machines` is how many of the catalog are in the canary.",
     "stable:string candidate:string candidate_digest:string stable_digest:string selector:string "
     "percent:integer failures_max:integer stable_boots:VersionBoots~ "
     "candidate_boots:VersionBoots~ "
     "machines:integer"},
    {"VersionBoots",
     "How the boots of a version ended, for as long as a tag leads to it; kept across restarts.",
     "digest:string complete:integer failed:integer last_failure:string"},

    {"Network", "",
     "name:string subnet:string mode:full|proxy pools:[string] addresses:integer leases:integer "
     "lease_seconds:integer reservations:integer source:file|catalog"},
    {"NetworkDefinition",
     "The keys of `[[network]]` in `slipway.toml`. `inherited_router`: the port's gateway, which "
     "machines are told as the router where the network names none.",
     "name:string source:file|catalog subnet:string pools:[string] router?:string "
     "inherited_router?:string lease_time:string dns:[string] domain?:string proxy_dhcp:boolean "
     "relayed:boolean authoritative:boolean unknown_machines:string reservation:[Reservation] "
     "route:[NetworkRoute] option:[RuleOption]"},
    {"NetworkChange",
     "What it does not mention has its default; an answer may be sent back: what is inherited "
     "stays so.",
     "name?:string source?:string subnet:string pools?:[string] router?:string "
     "inherited_router?:string lease_time?:string dns?:[string] domain?:string "
     "proxy_dhcp?:boolean relayed?:boolean authoritative?:boolean unknown_machines?:string "
     "reservation?:[Reservation] "
     "route?:[NetworkRoute] option?:[NetworkOption]"},
    {"Owner", "One of the three.", "mac?:string uuid?:string client_id?:string"},
    {"Reservation", "", "address:string mac?:string uuid?:string client_id?:string"},
    {"NetworkRoute", "", "destination:string via:string"},
    {"NetworkOption", "Its value in one of three forms.",
     "code:integer text?:string hex?:string addresses?:[string]"},
    {"Lease",
     "`expires` in Unix seconds. `expired`: the address is free again; a machine that comes back "
     "gets it if nobody else has it.",
     "address:string mac:string uuid:string client_id:string "
     "state:offered|bound|declined|released|expired expires:integer"},
    {"Waiting", "A machine that waits for its turn.",
     "position:integer mac:string address:string where:string waited_seconds:integer "
     "expected_seconds:integer~"},
    {"Boot", "`began` in Unix seconds.",
     "id:integer mac:string address:string began:number seconds:number outcome:string words:string "
     "cause:string tls:string bytes:integer loading?:Loading~"},
    {"Loading", "The file that a machine downloads now, and how much of it it has.",
     "path:string bytes:integer of:integer"},
    {"BootFirmware",
     "What the machine said of the software that booted, until it had its first whole file.",
     "client:http|ipxe|pxe dhcp:string tcp:string tls:string like:string"},
    {"BootStory", "A boot with its steps, `at` in seconds since it began.",
     "id:integer mac:string address:string began:number seconds:number outcome:string words:string "
     "cause:string tls:string bytes:integer loading:Loading~ steps:[BootStep] "
     "steps_left_out:integer firmware:BootFirmware~"},
    {"BootStep", "",
     "at:number kind:string words:string number:integer extra:integer connection:integer "
     "text:string"},
    {"Diagnosis",
     "Why a machine did not boot, from its last boots; `boot` is the id of the one meant.",
     "mac:string cause:string verdict:fine|pending|failed certainty:string sentence:string "
     "detail:string evidence:[Evidence] remedy:[string] boot:integer~ tries_again:boolean "
     "outcomes:{integer}"},
    {"Evidence", "`at` in Unix seconds; null where it is no event.", "at:number~ words:string"},
    {"LiveStep", "Of an event `step`: one of a boot, `at` in Unix seconds.",
     "boot:integer mac:string address:string at:number kind:string words:string number:integer "
     "extra:integer connection:integer text:string"},
    {"LiveLink", "Of an event `link`.", "at:number port:string up:boolean"},
    {"LiveChange", "Of an event `change`: what was changed is to be read again.",
     "at:integer resource:image|machine|rule|rollout|network|template|certificates|secure-boot "
     "what:string"},
    {"LiveHeld", "Of an event `held`: as HeldMachine. `untold`: others that began to wait.",
     "at:number mac:string uuid:string architecture:string client:string vendor_class:string "
     "network:string relay:string rule:string first_asked:number last_asked:number asked:integer "
     "untold:integer"},
    {"LiveAudit", "Of an event `audit`: a record without before, after and hashes.",
     "id:integer at:integer who:string address:string request:string what:string"},
    {"LiveGap", "Of an event `gap`; null: those of a run before.", "lost:integer~"},
    {"WebhookRequest",
     "`url` is https; `kinds` of events (boot, link and change where it is not said), `mac` of one "
     "machine; `ca` is PEM, trusted beside the system's authorities.",
     "url:string kinds?:[string] mac?:string ca?:string"},
    {"Webhook",
     "Counts are of this run of the daemon: messages delivered, given up after an hour of tries, "
     "not waited for because too many waited, waiting now; and tries that failed.",
     "name:string url:string kinds:[string] mac:string~ created:integer delivered:integer "
     "given_up:integer overflowed:integer waiting:integer failures:integer last:WebhookAttempt~"},
    {"NewWebhook", "The only answer that holds the secret.",
     "name:string url:string kinds:[string] mac:string~ created:integer secret:string"},
    {"WebhookAttempt", "`at` in Unix seconds; `status` of the answer, 0: there was none.",
     "at:integer delivered:boolean status:integer error:string"},
    {"Cause", "",
     "id:string verdict:fine|pending|failed sentence:string seen:string "
     "remedy:[string]"},
};

constexpr std::array<std::string_view, 5> kPlain = {"string", "integer", "number", "boolean",
                                                    "object"};

bool IsPlain(std::string_view type) {
  for (const std::string_view plain : kPlain) {
    if (plain == type) return true;
  }
  return false;
}

}  // namespace

std::span<const Schema> Schemas() { return kSchemas; }

nlohmann::json JsonSchemaOf(std::string_view type) {
  if (type.ends_with('~')) {
    nlohmann::json schema = JsonSchemaOf(type.substr(0, type.size() - 1));
    if (schema.contains("type")) {
      schema["type"] = {schema["type"], "null"};
      return schema;
    }
    return {{"anyOf", {schema, {{"type", "null"}}}}};
  }
  const std::string_view inner = type.substr(1, type.size() < 2 ? 0 : type.size() - 2);
  if (type.starts_with('[')) return {{"type", "array"}, {"items", JsonSchemaOf(inner)}};
  if (type.starts_with('{')) {
    return {{"type", "object"}, {"additionalProperties", JsonSchemaOf(inner)}};
  }
  if (type == "any") return nlohmann::json::object();
  if (IsPlain(type)) return {{"type", type}};
  if (type.find('|') == type.npos) {
    return {{"$ref", "#/components/schemas/" + std::string(type)}};
  }
  nlohmann::json schema = {{"type", "string"}, {"enum", nlohmann::json::array()}};
  while (!type.empty()) {
    const std::size_t end = std::min(type.find('|'), type.size());
    schema["enum"].push_back(type.substr(0, end));
    type.remove_prefix(std::min(end + 1, type.size()));
  }
  return schema;
}

nlohmann::json JsonSchemaOf(const Schema& schema) {
  nlohmann::json json = {{"type", "object"},
                         {"properties", nlohmann::json::object()},
                         {"required", nlohmann::json::array()},
                         {"additionalProperties", false}};
  if (!schema.sentence.empty()) json["description"] = schema.sentence;
  std::string_view rest = schema.fields;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view field = rest.substr(0, end);
    const std::size_t colon = field.find(':');
    std::string_view name = field.substr(0, colon);
    const bool may_lack = name.ends_with('?');
    if (may_lack) name.remove_suffix(1);
    json["properties"][std::string(name)] = JsonSchemaOf(field.substr(colon + 1));
    if (!may_lack) json["required"].push_back(name);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return json;
}

}  // namespace slipway::control
