// SPDX-License-Identifier: Apache-2.0
//
// The core's templates: changed as a whole or not at all, and previewed.
#include <algorithm>
#include <ctime>
#include <utility>

#include "control/access/digest.h"
#include "control/policy/decide.h"
#include "control/serve/core.h"
#include "control/serve/policy_builder.h"
#include "control/text.h"

namespace slipway::control {

std::shared_ptr<const Documents> Core::documents() {
  const std::scoped_lock lock(mutex_);
  return documents_;
}

std::shared_ptr<const Documents> Core::DocumentsOf(const Site& site) const {
  return Documents::Build({.variables = {*site.config, site.rules, site.rollouts, site.sets},
                           .machines = site.machines,
                           .templates = site.templates,
                           .now_unix_seconds = std::time(nullptr)},
                          checked_ != nullptr ? checked_ : documents_);
}

absl::StatusOr<Template> Core::TemplateNow(const std::string& name) {
  const auto templates = store_->Templates();
  if (!templates.ok()) return templates.status();
  const auto found = std::ranges::find(*templates, name, &Template::name);
  if (found != templates->end()) return *found;
  return Template{.name = name, .text = {}, .media_type = {}, .selector = {}};
}

absl::StatusOr<Template> Core::ChangeTemplate(const std::string& name,
                                              const nlohmann::json& changes, const Actor& actor) {
  const std::scoped_lock lock(mutex_);
  auto changed = TemplateNow(name);
  if (!changed.ok()) return changed;
  if (absl::Status status = Update(changes, *changed); !status.ok()) return status;
  auto site = ReadSite();
  if (!site.ok()) return site.status();
  const auto place = std::ranges::find(site->templates, name, &Template::name);
  if (place != site->templates.end()) {
    *place = *changed;
  } else if (site->templates.size() >= kTemplatesMax) {
    return absl::FailedPreconditionError(
        Text(kTemplatesMax, " templates are the most; remove one: 'slipway template rm NAME'"));
  } else {
    site->templates.push_back(*changed);
  }
  if (absl::Status status = CheckSite(*site); !status.ok()) return status;
  if (absl::Status status = store_->PutTemplate(*changed, actor); !status.ok()) return status;
  if (absl::Status status = RepublishLocked(); !status.ok()) return status;
  return changed;
}

absl::Status Core::RemoveTemplate(const std::string& name, const Actor& actor) {
  const std::scoped_lock lock(mutex_);
  const auto rules = store_->Rules();
  if (!rules.ok()) return rules.status();
  const auto machines = store_->Machines();
  if (!machines.ok()) return machines.status();
  if (const auto rule = std::ranges::find(*rules, name, &Rule::script); rule != rules->end()) {
    return absl::FailedPreconditionError(Text(name, ": rule ", rule->name, " sends iPXE to it; ",
                                              "'slipway rule set ", rule->name,
                                              " --script -' first"));
  }
  const auto machine =
      std::ranges::find_if(*machines, [&](const auto& each) { return each->script == name; });
  if (machine != machines->end()) {
    const std::string key = KeyOf(**machine);
    return absl::FailedPreconditionError(Text(name, ": machine ", key, " is sent to it; ",
                                              "'slipway machine script ", key, " -' first"));
  }
  if (absl::Status status = store_->RemoveTemplate(name, actor); !status.ok()) return status;
  return RepublishLocked();
}

absl::StatusOr<Core::Preview> Core::PreviewTemplate(const std::string& name,
                                                    const nlohmann::json& changes,
                                                    const Machine& named) {
  const std::scoped_lock lock(mutex_);
  auto source = TemplateNow(name);
  if (!source.ok()) return source.status();
  if (source->media_type.empty() && !changes.contains("text")) {
    return absl::NotFoundError(Text(name, ": no such template; see 'slipway template list'"));
  }
  if (absl::Status status = Update(changes, *source); !status.ok()) return status;
  const auto known = KnownMachine(named.mac, named.uuid);
  if (!known.ok()) return known.status();
  const std::optional<Machine>& machine = *known;
  if (!machine) {
    return absl::NotFoundError(Text(KeyOf(named),
                                    ": no machine of the catalog, and only those have "
                                    "documents; see 'slipway machine list'"));
  }
  const Remainder remainder = Apply(source->selector, FactsOf(*machine));
  if (remainder.failed != nullptr || !remainder.terms.empty()) {
    return absl::FailedPreconditionError(
        Text(name, " is not for machine ", KeyOf(*machine), ": it needs ",
             remainder.failed != nullptr ? remainder.failed->ToString() : "its mac or uuid"));
  }
  const auto rules = store_->Rules();
  if (!rules.ok()) return rules.status();
  const auto rollouts = store_->Rollouts();
  if (!rollouts.ok()) return rollouts.status();
  const auto sets = image_store_->List();
  if (!sets.ok()) return sets.status();
  const auto mustache = Mustache::Parse(source->text);
  if (!mustache.ok()) return mustache.status();
  const auto config = served();
  const SiteVariables variables({*config, *rules, *rollouts, *sets});
  Rendered made = Render(*mustache, *source, MachineVariables(variables, *machine));
  if (!made.wrong.empty()) {
    return absl::FailedPreconditionError(
        Text(name, " of machine ", KeyOf(*machine), ", ", made.wrong));
  }
  std::string digest = HashOf(made.text);
  return Preview{.source = *std::move(source),
                 .path = Text(http::kMachinePrefix, KeyOf(*machine), '/', name),
                 .text = std::move(made.text),
                 .digest = std::move(digest)};
}

}  // namespace slipway::control
