// SPDX-License-Identifier: Apache-2.0
#include "control/registry/pull.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <utility>

#include "control/image_store/digest.h"
#include "control/image_store/oci.h"
#include "control/log.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kRunningMax = 4;
constexpr std::size_t kKept = 100;  // jobs, also those that are over
constexpr int kAttempts = 8;        // in a row without a byte
constexpr auto kPauseMin = std::chrono::milliseconds(200);
constexpr auto kPauseMax = std::chrono::seconds(10);
// Whose sessions the pulls' are; no name of a repository.
constexpr std::string_view kOwner = "(pull)";

std::string MessageOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

}  // namespace

struct Pulls::Job {
  explicit Job(PullRequest wanted)
      : request(std::move(wanted)), remote(request.source, std::move(request.access)) {}

  // Changes the progress under its lock.
  template <class Change>
  void Tell(Change change) {
    const std::scoped_lock lock(mutex);
    change(progress);
  }
  // False when the job is to end.
  bool Pause(std::chrono::milliseconds duration) {
    std::unique_lock lock(mutex);
    return !changed.wait_for(lock, duration, [&] { return stopping.load(); });
  }
  void Stop() {
    {
      const std::scoped_lock lock(mutex);  // or a pause that begins now would not see it
      stopping.store(true);
    }
    remote.Stop();
    changed.notify_all();
  }

  PullRequest request;
  RemoteRegistry remote;
  std::mutex mutex;
  std::condition_variable changed;
  PullProgress progress;
  std::atomic<bool> stopping{false};
  std::uint64_t finished = 0;  // bytes of whole blobs; the thread's alone
  std::thread thread;
};

Pulls::Pulls(Core& core, Uploads& uploads) : core_(core), uploads_(uploads) {}

Pulls::~Pulls() {
  for (const auto& [id, job] : jobs_) job->Stop();
  for (const auto& [id, job] : jobs_) job->thread.join();
}

absl::StatusOr<PullProgress> Pulls::Begin(PullRequest request) {
  const std::scoped_lock lock(mutex_);
  const std::string source = request.source.ToString();
  std::size_t running = 0;
  for (const auto& [id, job] : jobs_) {
    const std::scoped_lock job_lock(job->mutex);
    const PullProgress& progress = job->progress;
    if (progress.state != PullState::kRunning) continue;
    ++running;
    const bool is_same = progress.source == source && progress.reference == request.reference;
    if (is_same && !job->stopping) return progress;
  }
  if (running >= kRunningMax) {
    return absl::UnavailableError(
        Text(running, " pulls are under way; try again when one is done"));
  }
  for (auto each = jobs_.begin(); jobs_.size() >= kKept && each != jobs_.end();) {
    bool running_still = false;
    each->second->Tell([&](const PullProgress& progress) {
      running_still = progress.state == PullState::kRunning;
    });
    if (running_still) {
      ++each;
      continue;
    }
    each->second->thread.join();
    each = jobs_.erase(each);
  }
  auto job = std::make_shared<Job>(std::move(request));
  job->progress = {.id = ++last_id_,
                   .source = source,
                   .reference = job->request.reference,
                   .doing = "asks for the manifest"};
  const PullProgress begun = job->progress;
  Job& own = *job;
  jobs_[last_id_] = std::move(job);
  own.thread = std::thread([this, &own] { Run(own); });
  return begun;
}

std::optional<PullProgress> Pulls::Find(std::uint64_t id) {
  const std::scoped_lock lock(mutex_);
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return std::nullopt;
  const std::scoped_lock job_lock(found->second->mutex);
  return found->second->progress;
}

std::vector<PullProgress> Pulls::List() {
  const std::scoped_lock lock(mutex_);
  std::vector<PullProgress> list;
  for (const auto& [id, job] : jobs_) {
    const std::scoped_lock job_lock(job->mutex);
    list.push_back(job->progress);
  }
  return list;
}

bool Pulls::Stop(std::uint64_t id, const Actor& actor) {
  std::shared_ptr<Job> job;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return false;
    job = found->second;
  }
  PullProgress told;
  job->Tell([&](const PullProgress& progress) { told = progress; });
  if (told.state == PullState::kRunning) {
    core_.Audit(actor, Text("pull ", id), {{"source", told.source}, {"reference", told.reference}},
                nullptr);
  }
  job->Stop();
  return true;
}

void Pulls::Run(Job& job) {
  const absl::Status status = Pull(job);
  job.remote.ForgetCredentials();
  job.Tell([&](PullProgress& progress) {
    progress.state = status.ok() ? PullState::kDone : PullState::kFailed;
    progress.doing = status.ok() ? "done" : "failed";
    if (!status.ok()) progress.error = job.stopping ? "stopped" : MessageOf(status);
  });
  if (!status.ok()) {
    LogError(Text("pull of ", job.request.source.ToString(), ": ", MessageOf(status)),
             {{"image_set", job.request.source.ToString()}});
  }
}

absl::Status Pulls::Pull(Job& job) {
  const auto text = job.remote.Manifest();
  if (!text.ok()) return text.status();
  const auto document = ParseOciDocument(*text, "");
  if (!document.ok()) return document.status();
  if (document->artifact_type != kArtifactType) {
    return absl::FailedPreconditionError(Text(job.request.source.ToString(),
                                              ": not an image set: its artifactType is \"",
                                              document->artifact_type, "\", not ", kArtifactType));
  }
  std::uint64_t total = 0;
  for (const Descriptor& blob : document->blobs) {
    if (blob.size > core_.config().upload_max) {
      return absl::OutOfRangeError(
          Text("a file of ", blob.size, " bytes is more than images.upload_max allows"));
    }
    total += blob.size;
  }
  job.Tell([&](PullProgress& progress) { progress.bytes_total = total; });
  for (const Descriptor& blob : document->blobs) {
    if (absl::Status status = PullBlob(job, blob); !status.ok()) return status;
  }
  job.Tell([](PullProgress& progress) { progress.doing = "is checked"; });
  const std::string& reference = job.request.reference;
  const std::size_t colon = reference.rfind(':');
  const auto entry =
      core_.PutManifest({.repository = reference.substr(0, colon),
                         .tag = reference.substr(colon + 1),
                         .media_type = document->media_type,
                         .text = *text},
                        job.request.actor, {{"source", job.request.source.ToString()}});
  if (!entry.ok()) return entry.status();
  job.Tell([&](PullProgress& progress) { progress.digest = entry->digest; });
  return absl::OkStatus();
}

// Tries again while it may help: the wire broke, or the registry is busy.
absl::Status Pulls::PullBlob(Job& job, const Descriptor& blob) {
  const std::string name = Text("sha256:", std::string_view(blob.digest).substr(0, 12));
  job.Tell([&](PullProgress& progress) { progress.doing = "takes " + name; });
  std::chrono::milliseconds pause = kPauseMin;
  std::uint64_t there = 0;
  for (int attempts = 0;;) {
    const std::uint64_t before = there;
    absl::Status status = Append(job, blob, there);
    const bool may_help = absl::IsUnavailable(status) || absl::IsAborted(status);
    if (there > before) {  // what gives nothing is asked less and less often
      attempts = 0;
      pause = kPauseMin;
    }
    if (!may_help || job.stopping || ++attempts == kAttempts) return status;
    job.Tell([&](PullProgress& progress) {
      progress.doing = Text("waits for ", name, ": ", MessageOf(status));
    });
    if (!job.Pause(pause)) return absl::CancelledError("stopped");
    pause = std::min<std::chrono::milliseconds>(2 * pause, kPauseMax);
  }
}

absl::Status Pulls::Append(Job& job, const Descriptor& blob, std::uint64_t& there) {
  const auto tell = [&](std::uint64_t bytes) {
    there = bytes;
    job.Tell([&](PullProgress& progress) { progress.bytes = job.finished + bytes; });
  };
  std::error_code error;
  const auto here = core_.image_store().BlobPath(blob.digest);
  if (std::filesystem::file_size(here, error) != blob.size || error) {
    const auto session = uploads_.BeginFor(kOwner, blob.digest);
    if (!session.ok()) return session.status();
    auto writer = uploads_.Continue(kOwner, *session);
    if (!writer.ok()) return writer.status();
    if (writer->offset() > blob.size) {
      writer->Discard();
      return absl::UnavailableError("more is here than there should be; it begins anew");
    }
    tell(writer->offset());
    job.Tell([&](PullProgress& progress) {
      progress.bytes_resumed = std::max(progress.bytes_resumed, there);
    });
    if (writer->offset() < blob.size) {
      absl::Status status =
          job.remote.Blob(blob.digest, writer->offset(), [&](Bytes bytes) -> absl::Status {
            if (job.stopping) return absl::CancelledError("stopped");
            if (bytes.size() > blob.size - writer->offset()) {
              return absl::DataLossError("the registry gives more bytes than the manifest says");
            }
            if (absl::Status appended = writer->Append(bytes); !appended.ok()) return appended;
            tell(writer->offset());
            return absl::OkStatus();
          });
      if (absl::IsDataLoss(status)) writer->Discard();
      if (!status.ok()) return status;
    }
    if (writer->offset() < blob.size) return absl::UnavailableError("it was cut short");
    if (absl::Status status = writer->Finish(blob.digest); !status.ok()) return status;
  }
  tell(blob.size);
  job.finished += blob.size;
  return absl::OkStatus();
}

}  // namespace slipway::control
