// SPDX-License-Identifier: Apache-2.0
#include "control/serve/core.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include "control/backup/backup.h"
#include "control/boots/boot_json.h"
#include "control/boots/causes.h"
#include "control/config/networks.h"
#include "control/log.h"
#include "control/moment.h"
#include "control/parse_json.h"
#include "control/serve/boot_rules.h"
#include "control/serve/note.h"
#include "control/serve/policy_builder.h"
#include "control/serve/snapshot_builder.h"
#include "control/store/boot_archive.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// What nothing leads to lies there for a day or a week before it goes (image_store.h).
constexpr auto kCollectInterval = std::chrono::hours(1);
// After a publication that failed and that nobody waits for.
constexpr auto kRepublishPause = std::chrono::seconds(5);
// Each holds a thread of the REST server.
constexpr unsigned kStreamsMax = 16;
constexpr unsigned kStreamsOfOneMax = 8;

// At a start, of the catalog's: ports get another gateway by their file alone, and whoever puts a
// network that takes it is refused.
void TellOfTakenRouters(const Config& config, Store& store) {
  const auto networks = store.Networks();
  if (!networks.ok()) return;  // a publication will say so
  const auto whole = WithNetworks(config, *networks);
  if (!whole.ok()) return;
  for (const NetworkConfig& network : whole->networks) {
    const auto taken = LentRouterTaken(*whole, network);
    if (taken.empty()) continue;
    const std::string words = Join(taken, "; ");
    LogWarning(Text("network ", network.name, ": its machines are told no router: ", words),
               {{"network", network.name}});
    NoteDone(store, DaemonActor(), Text("network ", network.name, " without a router"), nullptr,
             {{"why", words}});
  }
}

}  // namespace

Core::Core(const Config& config, Outlets outlets)
    : config_(config),
      outlets_(std::move(outlets)),
      streams_(kStreamsMax, kStreamsOfOneMax),
      request_limit_(config.management_requests_per_second),
      trust_files_(config.secure_boot),
      served_(std::make_shared<const Config>(config)) {}

absl::StatusOr<std::unique_ptr<Core>> Core::Open(const Config& config, Outlets outlets) {
  std::unique_ptr<Core> core(new Core(config, std::move(outlets)));
  if (absl::Status status = core->OpenState(); !status.ok()) return status;
  return core;
}

absl::Status Core::OpenState() {
  const auto& folder = config_.state_directory;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::UnavailableError(Text(folder.string(), ": cannot be made: ", error.message(),
                                       "; name a writable place in state.directory"));
  }
  auto lock = StateLock::Take(folder);
  if (!lock.ok()) return lock.status();
  state_lock_ = *std::move(lock);
  // Uploads and backups that a killed daemon left behind; the latter hold secrets.
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().filename().string().starts_with("upload-")) {
      std::filesystem::remove_all(entry.path(), error);
    }
  }
  auto store = OpenSqliteStore(folder / "catalog.db");
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  auto images = ImageStore::Open(folder / "images");
  if (!images.ok()) return images.status();
  image_store_ = std::make_unique<ImageStore>(*std::move(images));
  shelf_ = std::make_unique<ImageShelf>(*outlets_.images);
  retired_ = RetiredVersions(outlets_.images->budget() / 4);

  verdicts_ = std::make_unique<VerdictBook>(*store_);
  if (const auto read = trust_files_.Read(); !read.ok()) return read.status();

  if (absl::Status status = OpenAccess(); !status.ok()) return status;

  const LimitsConfig& limits = config_.limits;
  timelines_ = std::make_unique<BootTimelines>(
      TimelineLimits{.machines = limits.machines,
                     .boots_per_machine = limits.boots_per_machine,
                     .steps_per_boot = limits.steps_per_boot},
      [this](Ipv4Address address) { return leases_.MacOf(address, std::time(nullptr)); });
  if (absl::Status status = OpenFeed(); !status.ok()) return status;
  certificates_->TellOfOutOfDate();  // the feed as well
  TellOfTakenRouters(config_, *store_);
  return OpenArchive();
}

absl::Status Core::OpenAccess() {
  auto certificates = Certificates::Open(
      {.config = config_,
       .store = *store_,
       .ticket_keys = ticket_keys_,
       .publish = [this](auto context) { return RepublishWith(std::move(context)); }},
      tls_);
  if (!certificates.ok()) return certificates.status();
  certificates_ = *std::move(certificates);
  auto token = LoadToken(config_.state_directory);
  if (!token.ok()) return token.status();
  token_ = *std::move(token);
  const std::int64_t now = std::time(nullptr);
  return store_->SetFirstToken(HashOf(token_.text), now);
}

// Once: the boots that a release before kept in the catalog.
absl::Status Core::TakeOverBoots() {
  const auto newest = archive_->List({.limit = 1});
  if (!newest.ok()) return newest.status();
  if (!newest->empty()) return absl::OkStatus();
  const auto records = store_->Boots();
  if (!records.ok()) return records.status();
  std::vector<Boot> boots;
  for (const BootRecord& record : *records) {
    auto boot = FromJson(ParseJson(record.document));
    if (boot) boots.push_back(*std::move(boot));
  }
  return archive_->Put(
      boots, {.boots_per_machine = config_.limits.boots_per_machine,
              .boots = std::int64_t{config_.limits.machines} * config_.limits.boots_per_machine});
}

absl::Status Core::OpenArchive() {
  auto archive = BootArchive::Open(config_.state_directory / "boots.db");
  if (!archive.ok()) return archive.status();
  archive_ = *std::move(archive);
  if (absl::Status status = TakeOverBoots(); !status.ok()) return status;
  auto under_way = archive_->UnderWay(config_.limits.machines);
  if (!under_way.ok()) return under_way.status();
  timelines_->Restore(*std::move(under_way));
  // No id is given twice, though the clock is behind those of before.
  const auto newest = archive_->List({.limit = 1});
  if (!newest.ok()) return newest.status();
  if (!newest->empty()) timelines_->RiseFrom(newest->front().id + 1);
  if (absl::Status status = RestoreCanaries(); !status.ok()) return status;
  return RestoreHeld();
}

// Those of whom the archive says that they ended held, the oldest first, then those under way.
absl::Status Core::RestoreHeld() {
  constexpr std::int64_t kNanosecondsBack = 7 * 86'400'000'000'000;
  const std::int64_t now = UnixNanoseconds();
  const auto ended = archive_->List({.cause = std::string(Describe(CauseId::kHeld).id),
                                     .since_unix_nanoseconds = now - kNanosecondsBack,
                                     .limit = HeldMachines::kMost});
  if (!ended.ok()) return ended.status();
  for (auto boot = ended->rbegin(); boot != ended->rend(); ++boot) {
    const auto whole = archive_->Find(boot->id);
    if (!whole.ok()) return whole.status();
    if (*whole) held_.Restore(**whole);
  }
  for (const Boot& boot : timelines_->All()) held_.Restore(boot);
  // Those that were approved after their story.
  for (const HeldMachine& held : held_.All()) {
    const auto uuid = held.uuid.is_set() ? std::optional(held.uuid) : std::nullopt;
    const auto machine = KnownMachine(held.mac, uuid);
    if (!machine.ok()) return machine.status();
    if (*machine && (*machine)->approved) held_.Forget(**machine);
  }
  return absl::OkStatus();
}

absl::Status Core::Republish() {
  const std::scoped_lock lock(mutex_);
  return RepublishLocked();
}

absl::StatusOr<Core::Site> Core::ReadSite() {
  Site site;
  const auto networks = store_->Networks();
  if (!networks.ok()) return networks.status();
  auto config = WithNetworks(config_, *networks);
  if (!config.ok()) {
    const auto what = config.status().message();
    return absl::FailedPreconditionError(
        Text("the catalog's networks and those of the configuration file do not fit together: ",
             std::string_view(what.data(), what.size()),
             "; change the file back, and what is in the catalog by 'slipway network'"));
  }
  site.config = std::make_shared<const Config>(*std::move(config));
  auto machines = store_->Machines();
  if (!machines.ok()) return machines.status();
  site.machines = *std::move(machines);
  auto sets = image_store_->List();
  if (!sets.ok()) return sets.status();
  site.sets = *std::move(sets);
  auto rules = store_->Rules();
  if (!rules.ok()) return rules.status();
  site.rules = *std::move(rules);
  auto rollouts = store_->Rollouts();
  if (!rollouts.ok()) return rollouts.status();
  site.rollouts = *std::move(rollouts);
  auto templates = store_->Templates();
  if (!templates.ok()) return templates.status();
  site.templates = *std::move(templates);
  return site;
}

absl::Status Core::CheckSite(const Site& site) {
  checked_ = DocumentsOf(site);
  BootRules boot(*site.config, site.sets);
  const auto mistakes = dhcp::Policy::Mistakes(
      BuildPolicy({*site.config, site.machines, site.rules, site.rollouts, checked_.get()}, boot));
  if (!mistakes.empty()) {
    return absl::FailedPreconditionError(Text("this could not be served: ", Join(mistakes, "; ")));
  }
  const auto broken = checked_->Broken(documents_.get());
  return broken.empty() ? absl::OkStatus() : absl::FailedPreconditionError(Sentence(broken));
}

absl::Status Core::RepublishLocked() {
  is_stale_ = true;  // until it is published: Housekeep() tries again
  const auto site = ReadSite();
  if (!site.ok()) return site.status();
  retired_.Note(site->sets, *shelf_, std::chrono::steady_clock::now());
  const auto assigned = WithWhatTheyNeed(
      AssignedSets(*site->config, site->machines, site->rules, site->rollouts), site->sets);
  NoteMissing(assigned, site->sets);
  std::set<std::string> versions;
  for (const ImageSet& set : site->sets) versions.insert(VersionName(set));
  tally_.Keep(std::move(versions));
  auto documents = DocumentsOf(*site);
  auto snapshot = BuildSnapshot({.config = *site->config,
                                 .machines = site->machines,
                                 .rules = site->rules,
                                 .rollouts = site->rollouts,
                                 .sets = site->sets,
                                 .retired = retired_.all(),
                                 .shelf = *shelf_,
                                 .tls = tls_,
                                 .documents = documents.get()});
  if (!snapshot.ok()) return snapshot.status();
  documents_ = std::move(documents);
  checked_ = nullptr;
  outlets_.publish(*std::move(snapshot));
  is_stale_ = false;
  trouble_.clear();
  const std::scoped_lock lock(served_mutex_);
  served_ = site->config;
  assigned_ = {assigned.begin(), assigned.end()};
  return absl::OkStatus();
}

absl::Status Core::RepublishWith(std::shared_ptr<const tls::Context> context) {
  const std::scoped_lock lock(mutex_);
  const auto old = std::exchange(tls_, std::move(context));
  absl::Status status = RepublishLocked();
  if (!status.ok()) tls_ = old;
  return status;
}

void Core::RepublishStale(Time now) {
  if (!is_stale_ || now < republish_due_) return;
  const absl::Status status = RepublishLocked();
  if (status.ok()) return;
  republish_due_ = now + kRepublishPause;
  std::string words(status.message());
  if (words != trouble_) LogError(words);
  trouble_ = std::move(words);
}

void Core::Housekeep(Time now) {
  {
    const std::scoped_lock lock(mutex_);
    if (retired_.Expire(now)) is_stale_ = true;
    if (now - collected_ >= kCollectInterval) {
      collected_ = now;
      CollectGarbage();
    }
  }
  LoadMissing(now);
  const std::scoped_lock lock(mutex_);
  RepublishStale(now);
}

void Core::Collect(const std::function<void()>& collect) {
  const std::scoped_lock lock(mutex_);
  collect();
}

absl::StatusOr<std::filesystem::path> Core::Backup(const std::filesystem::path& folder,
                                                   bool with_images) {
  const absl::Status room = CheckRoom(config_.state_directory, with_images);
  if (!room.ok()) return room;
  const auto work = folder / "state";
  const auto tar = folder / "backup.tar";
  std::error_code error;
  std::filesystem::create_directories(work, error);
  if (absl::Status status = CopyDatabases(config_.state_directory, work); !status.ok()) {
    return status;
  }
  {
    // No image set comes or goes between the index and the files that it names; nor does a CA.
    const auto turn = certificates_->Hold();
    const std::scoped_lock lock(mutex_);
    const absl::Status status = LinkFiles(config_.state_directory, work, with_images);
    if (!status.ok()) return status;
  }
  if (absl::Status status = WriteTar(work, tar); !status.ok()) return status;
  return tar;
}

void Core::Audit(const Actor& actor, const std::string& what, const nlohmann::json& before,
                 const nlohmann::json& after) {
  NoteDone(*store_, actor, what, before, after);
}

}  // namespace slipway::control
