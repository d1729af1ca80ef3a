// SPDX-License-Identifier: Apache-2.0
#include "control/serve/explain.h"

#include <algorithm>
#include <array>
#include <utility>

#include "control/policy/decide.h"
#include "control/serve/needs.h"
#include "control/serve/policy_builder.h"
#include "control/text.h"
#include "protocols/base/bytes.h"
#include "protocols/base/fingerprint.h"
#include "protocols/dhcp/message.h"

namespace slipway::control {
namespace {

// One option at a time behind a BOOTP header: RFC 2131 2, RFC 2132 2.
class Discover {
 public:
  explicit Discover(const MacAddress& mac) : bytes_(kHeader) {
    bytes_[0] = 1;  // BOOTREQUEST, Ethernet, 6 octets
    bytes_[1] = 1;
    bytes_[2] = 6;
    std::ranges::copy(mac.octets, bytes_.begin() + kHardwareAddress);
    std::ranges::copy(kCookie, bytes_.end() - kCookie.size());
    Add(53, "\x01");
  }
  void Add(int code, std::string_view value) {
    if (value.empty()) return;
    bytes_.push_back(static_cast<std::uint8_t>(code));
    bytes_.push_back(static_cast<std::uint8_t>(value.size()));
    bytes_.insert(bytes_.end(), value.begin(), value.end());
  }
  Bytes bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kHeader = 240;
  static constexpr std::ptrdiff_t kHardwareAddress = 28;
  static constexpr std::array<std::uint8_t, 4> kCookie = {0x63, 0x82, 0x53, 0x63};
  std::vector<std::uint8_t> bytes_;
};

constexpr std::size_t kTextMax = 100;  // of a question's part: all of them fit one message

absl::Status Wrong(std::string_view part, std::string_view what) {
  return absl::InvalidArgumentError(Text(part, ": ", what));
}

std::optional<std::uint16_t> CodeOf(const Question& question) {
  const std::string_view name = question.architecture;
  if (question.client == "http") return HttpArchitecture(name);
  const auto codes = PxeArchitectures(name);
  return codes.empty() ? std::nullopt : std::optional(codes.front());
}

absl::Status AddClient(const Question& question, Discover& discover) {
  constexpr std::array<std::string_view, 4> kClients = {"http", "ipxe", "pxe", "plain"};
  if (std::ranges::find(kClients, question.client) == kClients.end()) {
    return Wrong("client", Text('"', question.client, "\" is none of http, ipxe, pxe and plain"));
  }
  if (question.client == "plain") {
    discover.Add(60, question.vendor_class);
    return absl::OkStatus();
  }
  const auto code = CodeOf(question);
  if (!code) {
    return Wrong("arch", Text('"', question.architecture, "\" is no architecture of ",
                              question.client, " clients; write x64, arm64, ia32, riscv64, ..."));
  }
  const std::string number = std::to_string(*code);
  const std::string usual =
      Text(question.client == "http" ? "HTTPClient" : "PXEClient",
           ":Arch:", std::string(5 - number.size(), '0'), number, ":UNDI:003000");
  discover.Add(60, question.vendor_class.empty() ? usual : question.vendor_class);
  const char code_octets[] = {static_cast<char>(*code >> 8), static_cast<char>(*code)};
  discover.Add(93, {code_octets, sizeof code_octets});
  if (question.client == "ipxe") discover.Add(77, "iPXE");
  return absl::OkStatus();
}

absl::StatusOr<Discover> Compose(const Question& question) {
  Discover discover(question.mac);
  for (const std::string* text :
       {&question.vendor_class, &question.client_identifier, &question.circuit, &question.remote}) {
    if (text->size() > kTextMax) return Wrong("question", "a value of more than 100 octets");
  }
  if (absl::Status status = AddClient(question, discover); !status.ok()) return status;
  if (question.uuid) {
    std::string smbios(1, '\0');
    for (const std::uint8_t at : Uuid::kSmbiosOrder) {
      smbios += static_cast<char>(question.uuid->octets[at]);
    }
    discover.Add(97, smbios);
  }
  discover.Add(61, question.client_identifier);
  std::string relay;
  const auto add = [&relay](char code, const std::string& value) {
    if (value.empty()) return;
    relay += code;
    relay += static_cast<char>(value.size());
    relay += value;
  };
  add(1, question.circuit);
  add(2, question.remote);
  discover.Add(82, relay);
  return discover;
}

// Of the message that the machine would send; the one composed here is no firmware's. 0: not known.
absl::StatusOr<std::uint64_t> FingerprintOf(const Question& question,
                                            const std::optional<Machine>& machine) {
  std::string text = question.dhcp_fingerprint;
  if (text.empty() && machine) {
    const auto seen = std::ranges::find_if(machine->firmware, [&](const SeenFirmware& each) {
      return each.firmware.client == question.client;
    });
    if (seen != machine->firmware.end()) text = seen->firmware.dhcp;
  }
  if (text.empty()) return 0;
  if (const auto fingerprint = ParseFingerprint(text)) return *fingerprint;
  return Wrong("dhcp_fingerprint", Text('"', text, "\" is no fingerprint; write 16 hexadecimal ",
                                        "digits, as 'slipway boot show' has them"));
}

std::string WordsOf(const dhcp::Term& term) {
  const Requirement requirement{
      .key = std::string(dhcp::kFactWords[static_cast<std::size_t>(term.fact)]),
      .negated = term.negated,
      .patterns = term.patterns};
  return requirement.ToString();
}

// Why each rule does not decide, up to the one that does.
class Walk {
 public:
  Walk(const ExplainInputs& inputs, const dhcp::Facts& facts, Explanation& told)
      : inputs_(inputs),
        machine_(inputs.machine ? &*inputs.machine : nullptr),
        rules_(inputs.rules),
        facts_(facts),
        told_(told) {}

  // The candidate that decides; nullopt when none does.
  std::optional<Candidate> Run() {
    auto candidates = Candidates(rules_, machine_);
    ApplyRollouts(inputs_.rollouts, machine_, CommonSet(inputs_.config), candidates);
    ApplyScript(machine_, CommonSet(inputs_.config), candidates);
    if (!candidates.empty() && candidates[0].rule == nullptr && !candidates[0].by_configuration) {
      told_.steps.push_back({"machine", true, Fits(candidates[0])});
      return candidates[0];
    }
    for (const Rule& rule : rules_) {
      const auto candidate = std::ranges::find(candidates, &rule, &Candidate::rule);
      if (candidate == candidates.end()) {
        told_.steps.push_back({rule.name, false, WhyNot(rule)});
        continue;
      }
      const auto failed = std::ranges::find_if(
          candidate->terms, [&](const dhcp::Term& term) { return !dhcp::Holds(term, facts_); });
      if (failed == candidate->terms.end()) {
        told_.steps.push_back({rule.name, true, Fits(*candidate)});
        return *candidate;
      }
      told_.steps.push_back({rule.name, false, Text("needs ", WordsOf(*failed))});
    }
    if (candidates.empty() || !candidates.back().by_configuration) return std::nullopt;
    told_.steps.push_back({"configuration", true, Fits(candidates.back())});
    return candidates.back();
  }

 private:
  static std::string Fits(const Candidate& candidate) {
    return Text("fits: ", Word(candidate.action), candidate.image_set ? " " : "",
                candidate.image_set ? candidate.image_set->ToString() : "",
                candidate.why.empty() ? "" : ", as it ", candidate.why);
  }

  std::string WhyNot(const Rule& rule) const {
    const MachineFacts facts = machine_ == nullptr ? MachineFacts{} : FactsOf(*machine_);
    const Remainder remainder = Apply(rule.selector, facts);
    if (remainder.failed != nullptr) return Text("needs ", remainder.failed->ToString());
    return "the machine is approved";
  }

  const ExplainInputs& inputs_;
  const Machine* machine_;
  const std::vector<Rule>& rules_;
  const dhcp::Facts& facts_;
  Explanation& told_;
};

std::string Conclude(const Explanation& told, const dhcp::Client& client) {
  const std::string by = told.decided_by == "configuration" ? "by the configuration"
                         : told.decided_by == kOwnRecord    ? "by its own record"
                                                            : Text("by rule ", told.decided_by);
  if (told.action == "ignore") return Text("is never answered, ", by);
  if (!client.is_boot_client()) return "gets an address, and is offered nothing to boot";
  if (told.action == "hold") {
    return Text(told.decided_by == kOwnRecord
                    ? "is held until it is released: slipway machine mode MAC always"
                    : "is held until it is approved: slipway machine approve MAC",
                ", ", by);
  }
  if (told.action == "local") return Text("is left to its next boot option, ", by);
  if (told.uri.empty()) {
    return told.image_set.empty()
               ? Text("is not answered: nothing is assigned to such clients; see 'slipway rule'")
               : Text("is not answered: ", told.image_set,
                      " is not in the store, or has no boot file for it, ", by);
  }
  return Text(told.action == "quarantine" ? "boots in quarantine: " : "boots ",
              told.image_set.empty() ? "" : told.image_set + ", ", told.uri, ", ", by);
}

// Of the set whose file it is sent to; what a document of its own would load is not known.
void AddNeeds(const Question& question, const ExplainInputs& inputs, Explanation& told) {
  const auto set = std::ranges::find_if(inputs.sets, [&](const ImageSet& each) {
    return told.uri.find(Text('/', VersionName(each), '/')) != std::string::npos;
  });
  if (set == inputs.sets.end()) return;
  const Machine* const machine = inputs.machine ? &*inputs.machine : nullptr;
  told.unmet_needs = UnmetNeeds(*set, question.client, machine);
}

}  // namespace

nlohmann::json ToJson(const Explanation& explanation) {
  nlohmann::json steps = nlohmann::json::array();
  for (const Explanation::Step& step : explanation.steps) {
    steps.push_back({{"rule", step.rule}, {"decides", step.decides}, {"words", step.words}});
  }
  return {{"network", explanation.network},
          {"machine", explanation.machine},
          {"steps", steps},
          {"decided_by", explanation.decided_by},
          {"action", explanation.action},
          {"image_set", explanation.image_set},
          {"uri", explanation.uri},
          {"words", explanation.words},
          {"unmet_needs", explanation.unmet_needs}};
}

absl::StatusOr<Explanation> Explain(const Question& question, const ExplainInputs& inputs) {
  const auto discover = Compose(question);
  if (!discover.ok()) return discover.status();
  MachineList machines;
  if (inputs.machine) machines.push_back(std::make_shared<const Machine>(*inputs.machine));
  BootRules boot(inputs.config, inputs.sets);
  const dhcp::Policy policy(BuildPolicy(
      {inputs.config, machines, inputs.rules, inputs.rollouts, inputs.documents}, boot));
  const auto& networks = policy.networks();
  const auto network = question.network.empty() ? networks.begin()
                                                : std::ranges::find(networks, question.network,
                                                                    &dhcp::NetworkSettings::name);
  if (network == networks.end()) {
    return Wrong("network", Text('"', question.network,
                                 "\": no such network; see 'slipway network "
                                 "list'"));
  }
  dhcp::OptionScratch scratch;
  const auto message = dhcp::Parse(discover->bytes(), scratch);
  if (!message) return absl::InternalError("the question makes no DISCOVER");
  const dhcp::Client client = dhcp::ClientOf(*message);
  const auto fingerprint = FingerprintOf(question, inputs.machine);
  if (!fingerprint.ok()) return fingerprint.status();
  const dhcp::Facts facts{
      .client = client, .message = *message, .network = network->name, .fingerprint = *fingerprint};

  Explanation told;
  told.network = network->name;
  const dhcp::MachineKey key{client.mac, client.uuid,
                             message->options[DhcpOption::kClientIdentifier]};
  const dhcp::MachineSettings* machine = policy.FindMachine(key);
  if (machine != nullptr)
    told.machine = machine->name.empty() ? question.mac.ToString() : machine->name;
  ExplainInputs known = inputs;
  if (!known.machine) {
    const MachineConfig* const file = MachineOfFile(inputs.config, question.mac, question.uuid);
    if (file != nullptr) known.machine = FromConfig(*file);
  }
  const auto decided = Walk(known, facts, told).Run();
  told.decided_by = decided ? decided->name() : "configuration";
  told.action = decided ? Word(decided->action) : Word(RuleAction::kBoot);
  if (decided && decided->image_set) told.image_set = decided->image_set->ToString();
  const dhcp::Choice* const choice = policy.FindChoice(policy.FindDecider(key), facts);
  if ((choice != nullptr) != decided.has_value() ||
      (choice != nullptr && choice->name != decided->name())) {
    return absl::InternalError("the rules and the dataplane's policy disagree; report this");
  }
  const bool boots = choice == nullptr || choice->disposition == dhcp::Disposition::kBoot;
  const dhcp::BootRule* const rule = !boots || !client.is_boot_client() ? nullptr
                                     : choice != nullptr && choice->boot != nullptr
                                         ? dhcp::Policy::FindBootRule(*choice, client)
                                         : policy.FindBootRule(machine, *network, client);
  if (rule != nullptr) told.uri = rule->uri;
  if (boots && client.is_boot_client() && rule == nullptr) told.action = "nothing";
  told.words = Conclude(told, client);
  const bool undecided = choice == nullptr || (!client.is_boot_client() && told.action != "ignore");
  const Drop drop =
      undecided ? dhcp::Policy::AdmitWithoutChoice(*network, machine, client) : Drop::kNone;
  if (drop != Drop::kNone) {
    told.action = Word(RuleAction::kIgnore);
    told.image_set = told.uri = "";
    told.words = Text("is not answered, by network ", network->name, ": ", Describe(drop).sentence);
  }
  AddNeeds(question, known, told);
  return told;
}

}  // namespace slipway::control
