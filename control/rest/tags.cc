// SPDX-License-Identifier: Apache-2.0
//
// Tags: GET, PUT and DELETE /tags/name:tag. A PUT names the version by its digest, so it may be
// sent twice; with If-Match it is refused where the tag has moved meanwhile, as a DELETE is, and no
// push or import comes in between. To undo a move is a PUT of what the tag led to before.
//
// What is put passes the same door as what is pushed (Core::PutManifest): judged, checked against
// machines' documents, noted, published. A tag that a rollout is under way for does not move: its
// canary is held against where it leads.
#include "control/rest/tags.h"

#include <algorithm>

#include "control/image_store/digest.h"
#include "control/image_store/files.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kManifestMax = std::size_t{16} << 20;

// "name:tag"; nullopt, and a problem replied, where the path names none.
std::optional<std::string> ReferenceOf(const httplib::Request& request,
                                       httplib::Response& response) {
  auto reference = CanonicalReference(request.matches[1].str());
  if (reference.ok()) return *std::move(reference);
  ReplyProblem(response, reference.status());
  return std::nullopt;
}

// Null where there is no such tag.
absl::StatusOr<nlohmann::json> TagNow(const std::string& reference, Core& core) {
  const auto entries = core.image_store().Entries();
  if (!entries.ok()) return entries.status();
  const auto tag = std::ranges::find(*entries, reference, &IndexEntry::reference);
  if (tag == entries->end()) return nlohmann::json();
  return TagHistory(*entries, core.image_store().folder()).Of(reference, tag->digest);
}

absl::Status NoTag(const std::string& reference) {
  return absl::NotFoundError(Text(reference, ": no such tag; see 'slipway image list'"));
}

void ReplyTag(httplib::Response& response, const nlohmann::json& tag) {
  response.set_header("ETag", EntityTag(tag));
  Reply(response, tag);
}

void Show(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto reference = ReferenceOf(request, response);
  if (!reference) return;
  const auto tag = TagNow(*reference, core);
  if (!tag.ok()) return ReplyProblem(response, tag.status());
  if (tag->is_null()) return ReplyProblem(response, NoTag(*reference));
  ReplyTag(response, *tag);
}

// The version of the tag's own repository, as it would be pushed.
absl::StatusOr<PushedManifest> ManifestOf(const std::string& reference, const std::string& digest,
                                          Core& core) {
  const std::size_t colon = reference.rfind(':');
  PushedManifest manifest{.repository = reference.substr(0, colon),
                          .tag = reference.substr(colon + 1),
                          .media_type = {},
                          .text = {},
                          .check = {},
                          .note = {}};
  const auto entries = core.image_store().Entries();
  if (!entries.ok()) return entries.status();
  const auto version = std::ranges::find_if(*entries, [&](const IndexEntry& entry) {
    return entry.digest == digest && entry.Repository() == manifest.repository;
  });
  if (version == entries->end()) {
    return absl::NotFoundError(
        Text(manifest.repository, "@sha256:", digest,
             ": no such version here, or no more: one that no tag leads to is kept for seven days; "
             "see 'slipway image list', or import or push it again"));
  }
  auto text = ReadFile(core.image_store().BlobPath(digest), kManifestMax);
  if (!text.ok()) return text.status();
  if (Sha256Hex(AsBytes(*text)) != digest) {
    return absl::InternalError(
        Text(manifest.repository, "@sha256:", digest,
             ": the stored manifest is damaged; import or push the version again"));
  }
  manifest.media_type = version->media_type;
  manifest.text = *std::move(text);
  return manifest;
}

absl::Status RefuseInRollout(const std::string& reference, Core& core) {
  const auto rollouts = core.Rollouts();
  if (!rollouts.ok()) return rollouts.status();
  for (const Rollout& rollout : *rollouts) {
    if (rollout.stable.ToString() != reference) continue;
    return absl::FailedPreconditionError(
        Text(reference, ": its rollout of ", rollout.candidate.ToString(),
             " is under way; end that first: 'slipway rollout promote ", reference,
             "' or 'slipway rollout rollback ", reference, "'"));
  }
  return absl::OkStatus();
}

void Put(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto reference = ReferenceOf(request, response);
  if (!reference) return;
  const auto body = BodyOf(request, response, {"digest"});
  if (!body) return;
  const std::string said = body->value("digest", "");
  const std::string digest = IsDigest(said) ? said : HexOf(said);
  if (digest.empty()) {
    return ReplyProblem(response, 400,
                        Text("digest: \"", Printable(said),
                             "\" is not sha256: and 64 hex digits; 'slipway image list' shows "
                             "them"));
  }
  absl::Status wanted = CheckNewName(*reference);
  if (wanted.ok()) wanted = RefuseInRollout(*reference, core);  // before anything is loaded
  if (!wanted.ok()) return ReplyProblem(response, wanted);
  auto manifest = ManifestOf(*reference, digest, core);
  if (!manifest.ok()) return ReplyProblem(response, manifest.status());
  bool is_answered = false;
  // Asked in the core's turn and under the store's lock.
  manifest->note = [&](const IndexEntry&) -> absl::Status {
    const auto now = TagNow(*reference, core);
    if (!now.ok()) return now.status();
    if (!MayChange(request, response, *now)) {
      is_answered = true;
      return absl::AbortedError("precondition failed");
    }
    return RefuseInRollout(*reference, core);
  };
  const auto entry = core.PutManifest(*std::move(manifest), RequestActor(request));
  if (is_answered) return;
  if (!entry.ok()) return ReplyProblem(response, entry.status());
  const auto tag = TagNow(*reference, core);
  if (!tag.ok()) return ReplyProblem(response, tag.status());
  if (tag->is_null()) return ReplyProblem(response, NoTag(*reference));  // taken away at once
  ReplyTag(response, *tag);
}

void Remove(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto reference = ReferenceOf(request, response);
  if (!reference) return;
  bool is_answered = false;
  // Asked in the core's turn: a version that the tag was moved to meanwhile would lose its name.
  const auto condition = [&]() -> absl::Status {
    const auto now = TagNow(*reference, core);
    if (!now.ok()) return now.status();
    if (!MayChange(request, response, *now)) {
      is_answered = true;
      return absl::AbortedError("precondition failed");
    }
    return now->is_null() ? NoTag(*reference) : absl::OkStatus();
  };
  const std::size_t colon = reference->rfind(':');
  const absl::Status status = core.RemoveManifest(
      reference->substr(0, colon), reference->substr(colon + 1), RequestActor(request), condition);
  if (is_answered) return;
  if (!status.ok()) return ReplyProblem(response, status);
  response.status = 204;
}

}  // namespace

TagHistory::TagHistory(const std::vector<IndexEntry>& entries, const std::filesystem::path& store)
    : previous_(Previous::Read(store)) {
  for (const IndexEntry& entry : entries) {
    kept_.insert(Text(entry.Repository(), '@', entry.digest));
  }
}

nlohmann::json TagHistory::Of(const std::string& reference, const std::string& digest) const {
  const std::string previous = previous_.Of(reference, digest);
  const std::string_view repository = std::string_view(reference).substr(0, reference.rfind(':'));
  return {{"reference", reference},
          {"digest", digest},
          {"previous", previous},
          {"previous_kept", kept_.contains(Text(repository, '@', previous))}};
}

void AddTags(Router& router, Core& core) {
  router.Get("/api/v1/tags/{reference+}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               Show(request, response, core);
             });
  router.Put("/api/v1/tags/{reference+}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               Put(request, response, core);
             });
  router.Delete("/api/v1/tags/{reference+}",
                [&core](const httplib::Request& request, httplib::Response& response) {
                  Remove(request, response, core);
                });
}

}  // namespace slipway::control
