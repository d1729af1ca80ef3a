// SPDX-License-Identifier: Apache-2.0
#include "control/templates/documents.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "control/access/digest.h"
#include "control/serve/policy_builder.h"
#include "control/text.h"

namespace slipway::control {

struct Documents::Compiled {
  Template record;
  absl::StatusOr<Mustache> mustache;
};

struct Documents::Document {
  std::string text;
  std::string digest;  // SHA-256, hex
};

struct Documents::Entry : http::MachineFiles {
  std::shared_ptr<const Machine> machine;
  std::vector<std::shared_ptr<const Document>> documents;  // of `files`, in their order
  std::vector<DocumentFailure> failures;
};

namespace {

// In everything that documents are made of: a boot that was counted changes nothing.
bool Same(const Machine& a, const Machine& b) {
  return &a == &b ||
         (a.mac == b.mac && a.uuid == b.uuid && a.name == b.name && a.image_set == b.image_set &&
          a.serial == b.serial && a.groups == b.groups && a.labels == b.labels &&
          a.variables == b.variables && a.approved == b.approved);
}

std::string_view NameOf(const http::Resource& file) {
  return std::string_view(file.path).substr(file.path.rfind('/') + 1);
}

}  // namespace

Rendered Render(const Mustache& mustache, const Template& one, const MachineVariables& variables) {
  Mustache::Rendering made = mustache.Render(
      [&](const std::string& name) { return variables.Find(name); }, EscapeOf(one.media_type));
  if (made.good()) return {std::move(made.text), ""};
  if (made.too_long) {
    return {"", Text("becomes longer than ", kDocumentBytesMax, " bytes; shorten its variables")};
  }
  std::string wrong;
  for (const Mustache::Missing& each : made.missing) {
    wrong += Text(wrong.empty() ? "" : "; ", "line ", each.line, ": \"", each.name,
                  "\" is not known: ", variables.Remedy(each.name));
  }
  return {"", wrong};
}

class DocumentBuilder {
 public:
  DocumentBuilder(const DocumentInputs& inputs, std::shared_ptr<const Documents> before)
      : inputs_(inputs), before_(std::move(before)) {}

  std::shared_ptr<const Documents> Build() {
    next_->shared_ = Shared();
    const bool same_site = before_ != nullptr && before_->shared_ == next_->shared_;
    if (same_site) {
      next_->templates_ = before_->templates_;
    } else {
      Compile();
    }
    last_.resize(next_->templates_.size());
    bool all_kept = same_site;
    std::unordered_set<std::string> taken;
    const auto add = [&](const std::shared_ptr<const Machine>& machine) {
      auto entry = Before(*machine);
      if (!same_site || entry == nullptr || !Same(*entry->machine, *machine)) {
        entry = MakeEntry(machine, entry.get());
        all_kept = false;
      } else {
        Count(*entry);
      }
      next_->failures_ += entry->failures.size();
      next_->entries_.push_back(std::move(entry));
    };
    if (!next_->templates_.empty()) {
      for (const auto& machine : inputs_.machines) add(machine);
      AddConfigured(add);
    }
    if (all_kept && before_->entries_.size() == next_->entries_.size()) return before_;
    next_->catalog_ = std::make_shared<const http::MachineCatalog>(
        std::vector<std::shared_ptr<const http::MachineFiles>>(next_->entries_.begin(),
                                                               next_->entries_.end()));
    return next_;
  }

 private:
  using Compiled = Documents::Compiled;
  using Document = Documents::Document;
  using Entry = Documents::Entry;

  // The configuration's machines that the catalog does not know.
  template <class Add>
  void AddConfigured(const Add& add) const {
    if (inputs_.variables.config.machines.empty()) return;
    std::unordered_set<std::string> known;
    for (const auto& machine : inputs_.machines) {
      if (machine->mac) known.insert(machine->mac->ToString());
      if (machine->uuid) known.insert(machine->uuid->ToString());
    }
    for (const MachineConfig& each : inputs_.variables.config.machines) {
      if (each.mac && known.contains(each.mac->ToString())) continue;
      if (each.uuid && known.contains(each.uuid->ToString())) continue;
      add(std::make_shared<const Machine>(FromConfig(each)));
    }
  }

  // Equal where no document can have changed but for its machine. Of the configuration networks
  // alone change while the process runs.
  std::string Shared() const {
    std::string shared;
    for (const Template& each : inputs_.templates) {
      shared += Text(each.name, '\0', each.media_type, '\0', each.selector.ToString(), '\0',
                     each.text.size(), '\0', each.text);
    }
    const auto reads = [&](std::string_view word) {
      return std::ranges::any_of(inputs_.templates, [&](const Template& each) {
        return each.text.find(word) != std::string::npos;
      });
    };
    if (inputs_.templates.empty()) return shared;
    for (const Rule& rule : inputs_.variables.rules) shared += ToJson(rule).dump();
    if (reads("network") || reads("address") || reads("boot.")) AppendNetworks(shared);
    if (!reads("image")) return shared;
    for (const Rollout& rollout : inputs_.variables.rollouts) shared += ToJson(rollout).dump();
    for (const ImageSet& set : inputs_.variables.sets) shared += Text(set.reference, set.digest);
    return shared;
  }

  void AppendNetworks(std::string& shared) const {
    for (const NetworkConfig& network : inputs_.variables.config.networks) {
      shared += Text('\f', network.name, '\0', network.subnet.ToString(), '\0', network.domain,
                     '\0', network.router ? network.router->ToString() : "");
      for (const Ipv4Address& each : network.dns) shared += Text('\0', each.ToString());
      for (const ReservationConfig& each : network.reservations) {
        shared += Text('\0', each.mac ? each.mac->ToString() : "", ' ',
                       each.uuid ? each.uuid->ToString() : "", ' ', each.address.ToString());
      }
    }
  }

  void Compile() {
    for (const Template& each : inputs_.templates) {
      std::shared_ptr<const Compiled> compiled;
      if (before_ != nullptr) {
        const auto same = std::ranges::find_if(
            before_->templates_, [&](const auto& old) { return old->record == each; });
        if (same != before_->templates_.end()) compiled = *same;
      }
      if (compiled == nullptr) {
        compiled = std::make_shared<const Compiled>(Compiled{each, Mustache::Parse(each.text)});
      }
      next_->templates_.push_back(std::move(compiled));
    }
  }

  std::shared_ptr<const Entry> Before(const Machine& machine) const {
    if (before_ == nullptr) return nullptr;
    return std::static_pointer_cast<const Entry>(
        before_->catalog_->Share(machine.mac, machine.uuid));
  }

  std::shared_ptr<const Entry> MakeEntry(const std::shared_ptr<const Machine>& named,
                                         const Entry* old) {
    const Machine& machine = *named;
    auto entry = std::make_shared<Entry>();
    entry->mac = machine.mac;
    entry->uuid = machine.uuid;
    entry->machine = named;
    if (!site_) site_.emplace(inputs_.variables);
    const MachineVariables variables(*site_, machine);
    const MachineFacts facts = FactsOf(machine);
    const std::string key = KeyOf(machine);
    for (std::size_t i = 0; i < next_->templates_.size(); ++i) {
      const Compiled& compiled = *next_->templates_[i];
      if (!Means(compiled.record.selector, facts)) continue;
      Rendered made;
      if (compiled.mustache.ok()) {
        made = Render(*compiled.mustache, compiled.record, variables);
      } else {
        made.wrong = std::string(compiled.mustache.status().message());
      }
      auto document = made.wrong.empty() ? DocumentOf(made, i, old) : nullptr;
      if (document == nullptr) {
        entry->failures.push_back({key, compiled.record.name, std::move(made.wrong)});
        continue;
      }
      entry->files.push_back(ResourceOf(*document, compiled.record, key, old));
      entry->documents.push_back(std::move(document));
    }
    return entry;
  }

  // Kept from before, or shared with the machine before this one, where it is the same; null, and
  // `made.wrong`, where there is no room.
  std::shared_ptr<const Document> DocumentOf(Rendered& made, std::size_t which, const Entry* old) {
    auto& last = last_[which];
    if (last != nullptr && last->text == made.text) return last;
    if (next_->bytes_ + made.text.size() > kDocumentsBytesMax) {
      made.wrong = Text("there is no room: documents of all machines together are at most ",
                        kDocumentsBytesMax >> 20, " MiB; mean fewer machines, or shorten the text");
      return nullptr;
    }
    next_->bytes_ += made.text.size();
    const std::string& name = next_->templates_[which]->record.name;
    for (std::size_t i = 0; old != nullptr && i < old->files.size(); ++i) {
      if (NameOf(old->files[i]) == name && old->documents[i]->text == made.text) {
        last = old->documents[i];
        return last;
      }
    }
    std::string digest = HashOf(made.text);
    last = std::make_shared<const Document>(Document{std::move(made.text), std::move(digest)});
    return last;
  }

  http::Resource ResourceOf(const Document& document, const Template& one, const std::string& key,
                            const Entry* old) {
    http::Resource resource;
    resource.path = Text(http::kMachinePrefix, key, '/', one.name);
    resource.content = AsBytes(document.text);
    resource.etag_digest = document.digest;
    resource.media_type = one.media_type;
    resource.loaded = true;
    resource.last_modified = inputs_.now_unix_seconds;
    for (std::size_t i = 0; old != nullptr && i < old->files.size(); ++i) {
      const http::Resource& file = old->files[i];
      if (old->documents[i].get() == &document && file.path == resource.path &&
          file.media_type == resource.media_type) {
        resource.last_modified = file.last_modified;
      }
    }
    return resource;
  }

  // The bytes of an entry that is kept.
  void Count(const Entry& entry) {
    for (std::size_t i = 0; i < entry.documents.size(); ++i) {
      const auto which = static_cast<std::size_t>(
          std::ranges::find_if(
              next_->templates_,
              [&](const auto& each) { return each->record.name == NameOf(entry.files[i]); }) -
          next_->templates_.begin());
      if (which == last_.size() || last_[which] == entry.documents[i]) continue;
      last_[which] = entry.documents[i];
      next_->bytes_ += entry.documents[i]->text.size();
    }
  }

  const DocumentInputs& inputs_;
  const std::shared_ptr<const Documents> before_;
  const std::shared_ptr<Documents> next_ = std::make_shared<Documents>();
  std::optional<SiteVariables> site_;
  std::vector<std::shared_ptr<const Document>> last_;  // of each template
};

std::shared_ptr<const Documents> Documents::Build(const DocumentInputs& inputs,
                                                  const std::shared_ptr<const Documents>& before) {
  return DocumentBuilder(inputs, before).Build();
}

std::vector<DocumentFailure> Documents::FailuresOf(const std::string& name,
                                                   std::size_t most) const {
  std::vector<DocumentFailure> all;
  for (const auto& entry : entries_) {
    for (const DocumentFailure& each : entry->failures) {
      if (each.name == name && all.size() < most) all.push_back(each);
    }
  }
  return all;
}

bool Documents::Has(const Machine& machine, const std::string& name) const {
  const auto entry = catalog_->Share(machine.mac, machine.uuid);
  return entry != nullptr && std::ranges::any_of(entry->files, [&](const http::Resource& file) {
           return NameOf(file) == name;
         });
}

Documents::Count Documents::CountOf(const std::string& name) const {
  Count count;
  for (const auto& entry : entries_) {
    for (const http::Resource& file : entry->files)
      count.documents += NameOf(file) == name ? 1U : 0U;
    for (const DocumentFailure& each : entry->failures)
      count.failures += each.name == name ? 1U : 0U;
  }
  return count;
}

std::vector<DocumentFailure> Documents::Broken(const Documents* before) const {
  std::vector<DocumentFailure> broken;
  if (this == before) return broken;
  for (const auto& entry : entries_) {
    if (entry->failures.empty()) continue;
    const auto old = before == nullptr ? nullptr
                                       : std::static_pointer_cast<const Entry>(
                                             before->catalog_->Share(entry->mac, entry->uuid));
    if (old == entry) continue;
    for (const DocumentFailure& each : entry->failures) {
      const bool failed_before =
          old != nullptr && std::ranges::find(old->failures, each.name, &DocumentFailure::name) !=
                                old->failures.end();
      if (!failed_before) broken.push_back(each);
    }
  }
  return broken;
}

std::string Sentence(const std::vector<DocumentFailure>& failures) {
  constexpr std::size_t kNamed = 3;
  if (failures.empty()) return "";
  std::string words = Text(failures.size(), failures.size() == 1 ? " document" : " documents",
                           " could not be made: ");
  for (std::size_t i = 0; i < std::min(kNamed, failures.size()); ++i) {
    words += Text(i == 0 ? "" : " / ", failures[i].name, " of machine ", failures[i].machine, ", ",
                  failures[i].words);
  }
  if (failures.size() > kNamed) words += Text(" / and ", failures.size() - kNamed, " more");
  return words;
}

}  // namespace slipway::control
