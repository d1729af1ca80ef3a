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

struct Documents::Entry : http::MachineFiles {
  std::shared_ptr<const Machine> machine;
  std::vector<std::shared_ptr<const std::string>> texts;  // of `files`, in their order
  std::vector<DocumentFailure> failures;
};

const Documents::Entry& Documents::EntryOf(
    const std::shared_ptr<const http::MachineFiles>& machine) {
  return static_cast<const Entry&>(*machine);
}

namespace {

// In everything that documents are made of: a boot that was counted changes nothing.
bool Same(const Machine& a, const Machine& b) {
  return &a == &b ||
         (a.mac == b.mac && a.uuid == b.uuid && a.name == b.name && a.image_set == b.image_set &&
          a.serial == b.serial && a.groups == b.groups && a.labels == b.labels &&
          a.variables == b.variables && a.approved == b.approved);
}

// A template's name has no '/'.
bool IsNamed(const http::Resource& file, std::string_view name) {
  const std::string_view path = file.path;
  return path.size() > name.size() && path.ends_with(name) &&
         path[path.size() - name.size() - 1] == '/';
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
    std::vector<std::shared_ptr<const http::MachineFiles>> entries;
    entries.reserve(inputs_.machines.size());
    bool all_kept = same_site;
    const auto add = [&](const std::shared_ptr<const Machine>& machine) {
      const auto& before = Before(*machine);
      const auto* const old = static_cast<const Entry*>(before.get());
      if (!same_site || old == nullptr || !Same(*old->machine, *machine)) {
        entries.push_back(MakeEntry(machine, old));
        all_kept = false;
      } else {
        entries.push_back(before);
        Count(*old);
      }
      next_->failures_ += Documents::EntryOf(entries.back()).failures.size();
    };
    if (!next_->templates_.empty()) {
      for (const auto& machine : inputs_.machines) add(machine);
      AddConfigured(add);
    }
    if (all_kept && before_->catalog_->machines().size() == entries.size()) return before_;
    next_->catalog_ = std::make_shared<const http::MachineCatalog>(std::move(entries));
    return next_;
  }

 private:
  using Compiled = Documents::Compiled;
  using Entry = Documents::Entry;
  // A document that is there already.
  struct Place {
    const Entry* entry = nullptr;  // null: there is none
    std::size_t file = 0;

    bool Has(const std::string& text) const {
      return entry != nullptr && *entry->texts[file] == text;
    }
  };

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
      const auto router = network.told_router();
      shared += Text('\f', network.name, '\0', network.subnet.ToString(), '\0', network.domain,
                     '\0', router ? router->ToString() : "");
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

  const std::shared_ptr<const http::MachineFiles>& Before(const Machine& machine) const {
    static const std::shared_ptr<const http::MachineFiles> kNone;
    return before_ == nullptr ? kNone : before_->catalog_->Share(machine.mac, machine.uuid);
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
    const std::string key = KeyOf(machine);
    const std::string folder = Text(http::kMachinePrefix, key, '/');
    meaning_.clear();
    for (std::size_t i = 0; i < next_->templates_.size(); ++i) {
      const Selector& selector = next_->templates_[i]->record.selector;
      if (Means(selector, variables.facts())) meaning_.push_back(i);
    }
    // Exactly, and so that what last_ leads to stays where it is.
    entry->files.reserve(meaning_.size());
    entry->texts.reserve(meaning_.size());
    for (const std::size_t i : meaning_) {
      const Compiled& compiled = *next_->templates_[i];
      Rendered made;
      if (compiled.mustache.ok()) {
        made = Render(*compiled.mustache, compiled.record, variables);
      } else {
        made.wrong = std::string(compiled.mustache.status().message());
      }
      if (made.wrong.empty()) AddDocument(i, folder, made, {*entry, old});
      if (made.wrong.empty()) continue;
      entry->failures.push_back({key, compiled.record.name, std::move(made.wrong)});
    }
    return entry;
  }

  struct Versions {
    Entry& now;
    const Entry* old;  // null: the machine was not there
  };

  // A text that the machine before this one has, or this one had, is shared; `made.wrong` is set
  // where there is no room.
  void AddDocument(std::size_t which, const std::string& folder, Rendered& made,
                   const Versions& versions) {
    const Template& one = next_->templates_[which]->record;
    http::Resource file;
    file.path = folder + one.name;
    file.media_type = one.media_type;
    file.loaded = true;
    file.last_modified = inputs_.now_unix_seconds;
    const Place kept = PlaceOf(one.name, versions.old);
    Place& last = last_[which];
    const Place* same = &last;
    if (!last.Has(made.text)) {
      if (next_->bytes_ + made.text.size() > kDocumentsBytesMax) {
        made.wrong =
            Text("there is no room: documents of all machines together are at most ",
                 kDocumentsBytesMax >> 20, " MiB; mean fewer machines, or shorten the text");
        return;
      }
      next_->bytes_ += made.text.size();
      same = kept.Has(made.text) ? &kept : nullptr;
    }
    std::shared_ptr<const std::string> text;
    if (same != nullptr) {
      text = same->entry->texts[same->file];
      file.etag_digest = same->entry->files[same->file].etag_digest;
    } else {
      file.etag_digest = HashOf(made.text);
      // Sections that were left out may leave most of the room empty.
      if (made.text.capacity() > made.text.size() / 4 * 5) made.text.shrink_to_fit();
      text = std::make_shared<const std::string>(std::move(made.text));
    }
    file.content = AsBytes(*text);
    if (kept.entry != nullptr && kept.entry->texts[kept.file] == text) {
      const http::Resource& before = kept.entry->files[kept.file];
      if (before.path == file.path && before.media_type == file.media_type) {
        file.last_modified = before.last_modified;
      }
    }
    last = {&versions.now, versions.now.files.size()};
    versions.now.files.push_back(std::move(file));
    versions.now.texts.push_back(std::move(text));
  }

  static Place PlaceOf(std::string_view name, const Entry* entry) {
    for (std::size_t i = 0; entry != nullptr && i < entry->files.size(); ++i) {
      if (IsNamed(entry->files[i], name)) return {entry, i};
    }
    return {};
  }

  // The bytes of an entry that is kept.
  void Count(const Entry& entry) {
    for (std::size_t i = 0; i < entry.files.size(); ++i) {
      std::size_t which = 0;
      while (which < last_.size() &&
             !IsNamed(entry.files[i], next_->templates_[which]->record.name)) {
        ++which;
      }
      if (which == last_.size()) continue;
      Place& last = last_[which];
      if (last.entry != nullptr && last.entry->texts[last.file] == entry.texts[i]) continue;
      last = {&entry, i};
      next_->bytes_ += entry.texts[i]->size();
    }
  }

  const DocumentInputs& inputs_;
  const std::shared_ptr<const Documents> before_;
  const std::shared_ptr<Documents> next_ = std::make_shared<Documents>();
  std::optional<SiteVariables> site_;
  std::vector<Place> last_;           // of each template, in what is made
  std::vector<std::size_t> meaning_;  // templates that mean one machine
};

std::shared_ptr<const Documents> Documents::Build(const DocumentInputs& inputs,
                                                  const std::shared_ptr<const Documents>& before) {
  return DocumentBuilder(inputs, before).Build();
}

std::vector<DocumentFailure> Documents::FailuresOf(const std::string& name,
                                                   std::size_t most) const {
  std::vector<DocumentFailure> all;
  for (const auto& machine : catalog_->machines()) {
    for (const DocumentFailure& each : EntryOf(machine).failures) {
      if (each.name == name && all.size() < most) all.push_back(each);
    }
  }
  return all;
}

bool Documents::Has(const Machine& machine, const std::string& name) const {
  const auto& entry = catalog_->Share(machine.mac, machine.uuid);
  return entry != nullptr && std::ranges::any_of(entry->files, [&](const http::Resource& file) {
           return IsNamed(file, name);
         });
}

Documents::Count Documents::CountOf(const std::string& name) const {
  Count count;
  for (const auto& machine : catalog_->machines()) {
    for (const http::Resource& file : machine->files) {
      count.documents += IsNamed(file, name) ? 1U : 0U;
    }
    for (const DocumentFailure& each : EntryOf(machine).failures) {
      count.failures += each.name == name ? 1U : 0U;
    }
  }
  return count;
}

std::vector<DocumentFailure> Documents::Broken(const Documents* before) const {
  std::vector<DocumentFailure> broken;
  if (this == before) return broken;
  for (const auto& machine : catalog_->machines()) {
    const Entry& entry = EntryOf(machine);
    if (entry.failures.empty()) continue;
    const Entry* const old =
        before == nullptr
            ? nullptr
            : static_cast<const Entry*>(before->catalog_->Share(entry.mac, entry.uuid).get());
    if (old == &entry) continue;
    for (const DocumentFailure& each : entry.failures) {
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
