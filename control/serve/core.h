// SPDX-License-Identifier: Apache-2.0
//
// Core: the control plane's state and what may be done with it; no threads and no sockets of its
// own, so that REST, the event thread and tests call the same things.
//
// Every change ends in Republish(): a new snapshot from what is true now. Calls may come from any
// thread; what changes images or publishes takes turns. Files are copied, hashed, judged and read
// into image memory before it is a change's turn, so that nobody waits for that but who asked.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/access/request_limit.h"
#include "control/access/sessions.h"
#include "control/access/throttle.h"
#include "control/boots/timelines.h"
#include "control/config/config.h"
#include "control/events/feed.h"
#include "control/image_store/image_store.h"
#include "control/policy/boot_counter.h"
#include "control/serve/boot_meter.h"
#include "control/serve/certificates.h"
#include "control/serve/explain.h"
#include "control/serve/held_machines.h"
#include "control/serve/image_check.h"
#include "control/serve/image_shelf.h"
#include "control/serve/retired_versions.h"
#include "control/serve/sets_in_use.h"
#include "control/serve/trust_files.h"
#include "control/serve/verdict_book.h"
#include "control/serve/version_tally.h"
#include "control/state/lease_book.h"
#include "control/state/secrets.h"
#include "control/state/state_lock.h"
#include "control/store/journal_health.h"
#include "control/store/store.h"
#include "control/templates/documents.h"
#include "dataplane/event.h"
#include "dataplane/snapshot.h"

namespace slipway::control {

class BootArchive;

// What the core asks of the dataplane.
struct Outlets {
  dataplane::ImageMemory* images = nullptr;
  std::function<void(std::unique_ptr<dataplane::Snapshot>)> publish;
  std::function<std::vector<dataplane::WorkerStatistics>()> statistics;
  // Housekeep() has something to load; where nobody waits for that, it is called soon all the same.
  // Called with the core's lock held: it calls nothing of the core.
  std::function<void()> wake = {};
};

struct FirmwareOfMac {
  MacAddress mac;
  BootFirmware firmware;
};

class Core {
 public:
  // Makes the state directory what it must be: databases, CA, token.
  static absl::StatusOr<std::unique_ptr<Core>> Open(const Config& config, Outlets outlets);

  const Config& config() const { return config_; }
  // The configuration with the catalog's networks, as it was published last; never null.
  std::shared_ptr<const Config> served() const;
  Store& store() { return *store_; }
  BootTimelines& timelines() { return *timelines_; }
  BootArchive& archive() { return *archive_; }
  LeaseBook& leases() { return leases_; }
  HeldMachines& held() { return held_; }
  JournalHealth& journal_health() { return journal_health_; }
  SetsInUse& sets_in_use() { return sets_in_use_; }
  EventFeed& feed() { return *feed_; }
  StreamLedger& streams() { return streams_; }
  Certificates& certificates() { return *certificates_; }
  const Certificates& certificates() const { return *certificates_; }
  Throttle& throttle() { return throttle_; }
  RequestLimit& request_limit() { return request_limit_; }
  Sessions& sessions() { return sessions_; }
  const Token& token() const { return token_; }
  std::vector<dataplane::WorkerStatistics> statistics() const { return outlets_.statistics(); }

  absl::Status Republish();
  // Brings what machines are assigned to into image memory; what does not fit is told when it is
  // published.
  void LoadAssigned();
  // The same of what a change will assign, with what that needs: before the change and any lock
  // that others wait for, as gigabytes are read. Whether there is such a set, the change says.
  void LoadAhead(const std::string& reference);
  // Loads what is missing from image memory, where it is time to try that again, and publishes what
  // came of it, or could not be published before. Long: it reads.
  using Time = std::chrono::steady_clock::time_point;
  void Housekeep(Time now = std::chrono::steady_clock::now());
  void Collect(const std::function<void()>& collect);  // run while nothing is published
  // Machines asked for files that are not in memory. Long: they are read.
  void Want(const std::vector<std::string>& paths);

  absl::StatusOr<std::vector<ImageSet>> Images();
  // These four note what they change before they do, so that no tag moves without a record, and the
  // way back where it could not be done. The record stands whether it could be published or not.
  // An import's check is asked when it is nobody's turn yet.
  absl::StatusOr<ImageSet> ImportImage(const std::filesystem::path& source,
                                       const std::string& reference, const ImportOptions& options,
                                       const Actor& actor);
  absl::Status RemoveImage(const std::string& reference, const Actor& actor);
  // Of the registry: as an import where the manifest is an image set. `reference`: a tag, or
  // "sha256:" and hex, which takes the tags that lead to it too (core_registry.cc).
  // `noted`: what the record says besides the digest. `condition` is asked when no tag can move any
  // more, so that it calls nothing of the core that takes turns; its error is the answer.
  absl::StatusOr<IndexEntry> PutManifest(PushedManifest manifest, const Actor& actor,
                                         nlohmann::json noted = nlohmann::json::object());
  absl::Status RemoveManifest(const std::string& repository, const std::string& reference,
                              const Actor& actor,
                              const std::function<absl::Status()>& condition = {});
  // It takes care of turns itself; what changes image sets goes through the core all the same.
  ImageStore& image_store() { return *image_store_; }
  bool IsLoaded(const ImageSet& set);

  // What the machines' firmware is taken to trust; never null. What follows is in core_trust.cc.
  std::shared_ptr<const FirmwareTrust> trust() const { return trust_files_.trust(); }
  // Why its files, which have changed, were not taken; empty: they were.
  std::string trust_refusal() const { return trust_files_.refusal(); }
  // Takes the files as they are now, or none (errors: TrustFiles::Read), and notes what came of it.
  absl::Status ReadTrust(const Actor& actor);
  // The same where the files have changed, and nobody writes them any more; cheap otherwise.
  TrustLook LookAtTrust();
  // The stored verdict on a set; nullopt when there is none.
  absl::StatusOr<std::optional<VerdictRecord>> VerdictOn(const ImageSet& set);
  // Judges again what was judged by other files, or `all`, until `stop`. Gives the references whose
  // outcome changed; each is noted and told, and stays served. Long: it hashes EFI programs.
  absl::StatusOr<std::vector<std::string>> Recheck(const Actor& actor, bool all,
                                                   const std::atomic<bool>* stop = nullptr);
  // When what is trusted turned against a set that was here already; Unix seconds, 0: it did not.
  std::int64_t RefusedSince(const ImageSet& set) { return verdicts_->RefusedSince(set.digest); }
  bool IsAssigned(const std::string& reference) const;  // or what needs it is; as published last
  std::vector<std::string> AssignedAndRefused();        // references
  // Notes what was done outside the catalog's database, right after; what changes the catalog is
  // noted by the store. A record that cannot be written is told in the log: the change stands.
  void Audit(const Actor& actor, const std::string& what, const nlohmann::json& before,
             const nlohmann::json& after);

  // Tells the feed what was added to the audit log, so is on disk, since it was last called; by one
  // thread, a few times a second (core_events.cc).
  void AnnounceChanges();

  // The state as one tar in the folder, which lies in the state directory.
  absl::StatusOr<std::filesystem::path> Backup(const std::filesystem::path& folder,
                                               bool with_images);

  // What follows is in core_policy.cc. A machine as the catalog has it, by its UUID before its MAC;
  // else as the configuration file has it, with the id 0; nullopt: neither knows it.
  absl::StatusOr<std::optional<Machine>> KnownMachine(const std::optional<MacAddress>& mac,
                                                      const std::optional<Uuid>& uuid);
  // `named` has the MAC or UUID of a machine. Where the catalog has none it is made, and begins as
  // the configuration file has it; `changes` as Update() takes them. An image set that this, a rule
  // or a rollout assigns is loaded by LoadAhead() first; one that is not comes in when it can.
  absl::StatusOr<Machine> ChangeMachine(const Machine& named, const nlohmann::json& changes,
                                        const Actor& actor);
  absl::Status RemoveMachine(std::int64_t id, const Actor& actor);
  absl::StatusOr<std::vector<Rule>> Rules() { return store_->Rules(); }
  absl::Status PutRule(const Rule& rule, const Actor& actor);
  absl::Status RemoveRule(const std::string& name, const Actor& actor);
  // Boots that count for their machines' plans have ended (boot_counter.h); published once, where a
  // plan has come to its end. After an error none of them is counted. `settled`: those that wait no
  // more, whether they count or not.
  absl::Status CountBoots(const std::vector<BootCounter::Counted>& boots,
                          const std::vector<BootCounter::Counted>& settled = {});
  // What boots showed of their machines' firmware (core_firmware.cc): kept of those in the catalog,
  // where it is other than before; published once, where something asks for that.
  absl::Status RememberFirmware(const std::vector<FirmwareOfMac>& seen,
                                std::int64_t now_unix_seconds);
  // Those of them whose machines have a plan that a count may end.
  absl::StatusOr<std::vector<BootCounter::Counted>> WithPlans(
      const std::vector<BootCounter::Counted>& boots);
  absl::StatusOr<std::vector<Rollout>> Rollouts() { return store_->Rollouts(); }
  // As it is stored: with the version that its candidate leads to now, and the boot and the version
  // that it began with and against, when that was first tried. Where the tag was moved since it is
  // held against that only if `rollout` names it: whoever changes something else has not seen it.
  absl::StatusOr<Rollout> PutRollout(const Rollout& rollout, const Actor& actor);
  // Moves the tag to the version on trial and ends the rollout. FailedPrecondition where either tag
  // leads to another by now: one that nobody may have booted, or that somebody pushed.
  absl::Status Promote(const ImageSetName& stable, const Actor& actor);
  absl::Status RollBack(const ImageSetName& stable, const Actor& actor);
  // A boot has ended, as its timeline says: for the tally of the version that it asked for, and for
  // the rollouts that this is the candidate of (core_canaries.cc).
  void NoteBoot(const Boot& boot);
  // Brings to disk which of these boots failed for a rollout. Before the archive has them as ended:
  // a boot that has not ended there is told again after a restart, and counts once by its id. What
  // an error leaves undone is done by a later call.
  absl::Status KeepCanaries();
  VersionTally& tally() { return tally_; }
  const BootMeter& meter() const { return meter_; }
  absl::StatusOr<Explanation> ExplainMachine(const Question& question);

  // Networks of the catalog (core_networks.cc); those of the configuration file are changed there.
  // `document` has the keys of [[network]] but its name. Checked with all others before it is
  // stored; InvalidArgument tells every mistake.
  absl::Status PutNetwork(const std::string& name, const nlohmann::json& document,
                          const Actor& actor);
  // FailedPrecondition where machines have leases in it, unless `all_the_same`.
  absl::Status RemoveNetwork(const std::string& name, bool all_the_same, const Actor& actor);
  // Keeps the address for whom `who` names (mac, uuid or client_id), instead of what was kept for
  // either; null: for nobody any more.
  absl::Status Reserve(const std::string& network, Ipv4Address address, const nlohmann::json& who,
                       const Actor& actor);

  // What follows is in core_templates.cc. A template is served for every machine that it means or
  // for none: what would leave one of them without its document is refused, and names it.
  absl::StatusOr<std::vector<Template>> Templates() { return store_->Templates(); }
  // `changes` as Update() takes them; makes the template if there is none.
  absl::StatusOr<Template> ChangeTemplate(const std::string& name, const nlohmann::json& changes,
                                          const Actor& actor);
  absl::Status RemoveTemplate(const std::string& name, const Actor& actor);
  // The document that the machine would get, of the template with `changes`; nothing is changed.
  struct Preview {
    Template source;
    std::string path;  // on the boot server
    std::string text;
    std::string digest;  // SHA-256, hex: its ETag
  };
  absl::StatusOr<Preview> PreviewTemplate(const std::string& name, const nlohmann::json& changes,
                                          const Machine& named);
  // As they are served now; never null.
  std::shared_ptr<const Documents> documents();

  void RotateTickets() { ticket_keys_->Rotate(); }

 private:
  Core(const Config& config, Outlets outlets);
  absl::Status OpenState();
  absl::Status OpenArchive();
  absl::Status RestoreCanaries();
  absl::Status RestoreHeld();
  absl::Status OpenFeed();
  absl::Status TakeOverBoots();
  absl::Status OpenAccess();
  // With another context, or as it was.
  absl::Status RepublishWith(std::shared_ptr<const tls::Context> context);
  // What decides what is served, as it is stored now.
  struct Site {
    std::shared_ptr<const Config> config;  // with the catalog's networks
    MachineList machines;
    std::vector<Rule> rules;
    std::vector<Rollout> rollouts;
    std::vector<ImageSet> sets;
    std::vector<Template> templates;
  };
  absl::StatusOr<Site> ReadSite();
  static std::string HeldAgainst(const Site& site, const Rollout& rollout);
  std::shared_ptr<const Documents> DocumentsOf(const Site& site) const;
  absl::StatusOr<Template> TemplateNow(const std::string& name);
  // Asked with a change in place, before it is stored: refuses what could not be published.
  absl::Status CheckSite(const Site& site);
  absl::Status RepublishLocked();
  // Where that is due, and nobody waits for it: an error is told in the log, once.
  void RepublishStale(Time now);
  // An image set that is to be served and not in memory.
  struct Missing {
    std::string digest;
    unsigned failures = 0;
    Time due{};        // not to be tried before
    std::string told;  // in the log: why it is not served
  };
  // What of these, and of what was missing, is not in memory; under mutex_, and nothing is read.
  void NoteMissing(const std::vector<std::string>& assigned, const std::vector<ImageSet>& sets);
  void NoteFailure(const ImageSet& set, const absl::Status& why, Time now);
  // The two that follow are called without mutex_. LoadAhead: before what will need the set; true
  // where it came into memory by this.
  void LoadMissing(Time now);
  absl::StatusOr<bool> LoadAhead(const ImageSet& set, const ImageShelf::BlobPaths& path_of);
  absl::StatusOr<std::vector<std::string>> Assigned();
  // What is found of a set before it is its turn.
  struct Judged {
    std::shared_ptr<const FirmwareTrust> trust;
    SetVerdict verdict;
  };
  struct Ahead {
    std::optional<Judged> judged;  // nullopt: it could not be
    bool is_loaded = false;        // by this, because its name is assigned
  };
  Ahead LookAhead(const ImageSet& set, const ImageShelf::BlobPaths& path_of);
  void TakeBack(const Ahead& ahead, const std::string& digest);  // nothing came of it
  // Stores the verdict, and gives an error where the policy refuses.
  absl::Status CheckAtTheDoor(const ImageSet& set, const Ahead& ahead);
  bool Refuses(const SetVerdict& verdict) const;
  ImageShelf::BlobPaths BlobPaths() const;
  absl::Status Keep(const ImageSet& set, const SetVerdict& verdict, const FirmwareTrust& trust,
                    std::int64_t refused_since = 0);
  struct Rejudged;  // a verdict that is not as it was
  absl::StatusOr<std::optional<Rejudged>> JudgeAgain(const ImageSet& set, bool all);
  void Tell(const Actor& actor, const ImageSet& set, const Rejudged& verdict);
  absl::Status PutNetworkLocked(const std::string& name, const nlohmann::json& document,
                                const Actor& actor);
  absl::StatusOr<nlohmann::json> CatalogNetwork(const std::string& name);
  absl::Status RollBackLocked(const ImageSetName& stable, const Actor& actor,
                              const nlohmann::json& why = nullptr);
  // Of the rollout's candidate, by a machine of its canary; rolls back where that is one too many.
  void NoteCanaryFailure(const Rollout& rollout, const std::string& version, const Boot& boot);
  void ForgetCanary(const std::string& stable);  // its trial begins anew, or has ended
  // Where nobody knows it: of the MAC alone.
  absl::StatusOr<Machine> MachineOf(const MacAddress& mac, const std::optional<Uuid>& uuid);
  // By the UUID that its lease tells, or by its MAC. `uuids`: the leases'.
  absl::StatusOr<std::optional<Machine>> MachineAt(
      const MacAddress& mac, const std::unordered_map<std::uint64_t, Uuid>& uuids);
  // Of a boot that is to be counted: whether any plan that may decide for the machine needs that.
  struct Planned {
    Machine machine;
    bool counts = false;
    bool counts_failures = false;
  };
  absl::StatusOr<Planned> PlanOf(const MacAddress& mac, const std::vector<Rule>& rules,
                                 const std::unordered_map<std::uint64_t, Uuid>& uuids);
  absl::Status ForgetVerdict(const std::string& digest);
  absl::StatusOr<bool> AsksForFirmware();
  // Of what nothing leads to any more; where that cannot be told now, Housekeep() tries again.
  void CollectGarbage();
  // What a reference leads to, for the audit log; null for nothing.
  nlohmann::json DigestNow(const std::string& reference) const;
  struct Noted {  // a change outside the catalog, as the audit log has it
    std::string what;
    nlohmann::json before;
    nlohmann::json after;
  };
  // Makes it once it is noted, and notes the way back where it cannot be made.
  absl::Status MakeNoted(const Actor& actor, const Noted& noted,
                         const std::function<absl::Status()>& make);
  absl::Status RefuseIfAssigned(const std::string& reference);

  const Config config_;
  const Outlets outlets_;
  StateLock state_lock_;             // until everything below is closed
  std::unique_ptr<EventFeed> feed_;  // outlives the timelines, which tell it
  std::optional<EventNumbers> event_numbers_;
  StreamLedger streams_;
  std::int64_t announced_ = 0;  // the last record of the audit log that the feed knows
  std::unique_ptr<Store> store_;
  std::shared_ptr<BootArchive> archive_;
  HeldMachines held_;  // the timelines tell it too
  std::unique_ptr<BootTimelines> timelines_;
  LeaseBook leases_;
  JournalHealth journal_health_;
  Token token_;
  std::shared_ptr<tls::TicketKeys> ticket_keys_ = std::make_shared<tls::TicketKeys>();
  Throttle throttle_;
  RequestLimit request_limit_;
  Sessions sessions_;

  std::unique_ptr<Certificates> certificates_;  // its turn is before mutex_

  SetsInUse sets_in_use_;
  VersionTally tally_;
  BootMeter meter_;

  TrustFiles trust_files_;
  std::unique_ptr<VerdictBook> verdicts_;
  std::mutex recheck_mutex_;  // one Recheck() at a time; taken before all others

  mutable std::mutex served_mutex_;  // the two that follow; taken within mutex_
  std::shared_ptr<const Config> served_;
  std::set<std::string, std::less<>> assigned_;  // references, as published last

  std::mutex loading_mutex_;  // one is loaded ahead at a time; taken before mutex_
  std::mutex mutex_;          // what follows; never held while an image set's files are read
  std::shared_ptr<const tls::Context> tls_;
  std::unique_ptr<ImageStore> image_store_;
  std::unique_ptr<ImageShelf> shelf_;
  RetiredVersions retired_;
  std::shared_ptr<const Documents> documents_ = std::make_shared<const Documents>();  // published
  std::shared_ptr<const Documents> checked_;  // of the site last checked; null: none since then
  // Of a rollout's candidate since its trial began, and since the candidate last moved: the ids of
  // boots that failed while these were limited; no more than may fail, or might before a change.
  struct CanaryFailures {
    std::string version;  // VersionName()
    std::set<std::int64_t> boots;
  };
  std::map<std::string, CanaryFailures> canary_failures_;  // by the stable tag
  std::vector<CanaryFailure> unkept_failures_;             // of those, what the catalog has not yet
  std::map<std::string, Missing> missing_;  // by reference: assigned, or somebody asked for it
  bool is_stale_ = false;                   // what is published is not what it should be
  Time republish_due_{};                    // not to be tried before, as it failed
  std::string trouble_;                     // why, as the log has it
  std::chrono::steady_clock::time_point collected_ = std::chrono::steady_clock::now();
};

}  // namespace slipway::control
