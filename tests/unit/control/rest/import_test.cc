// SPDX-License-Identifier: Apache-2.0
//
// Imports by the command line against a live server: what is opened, what is refused, what is told.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "tests/unit/control/image_store/archives.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ImportTest : public RestTest {
 protected:
  std::filesystem::path Put(const std::string& name, const std::string& content) {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  Ran Import(const std::filesystem::path& source, const std::string& words) {
    return Slipway(Text("image import ", source.string(), ' ', words));
  }
  nlohmann::json Shown(const std::string& reference) {
    return nlohmann::json::parse(client_->Get("/api/v1/images/" + reference)->body);
  }
};

TEST_F(ImportTest, TarsAndIsosAreOpenedAndIsosAreKeptWhole) {
  const std::vector<PackedEntry> tree = {
      {.path = "EFI/BOOT/BOOTX64.EFI", .content = ProgramX64("boot")},
      {.path = "linux", .content = "kernel"}};
  const auto tar = Put("tree.tar.zst", Packed(tree, "tar", "zstd"));
  const Ran ran = Import(tar, "debian:tar");
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_THAT(ran.text, HasSubstr("debian:tar: 2 files"));
  const auto iso = Put("tree.iso", Packed(tree, "iso"));
  EXPECT_EQ(Import(iso, "debian:iso").code, 0);
  EXPECT_EQ(Import(iso, "debian:disk --as ramdisk").code, 0);
  const Ran opened = Import(iso, "debian:tree --as tree --boot any=linux");
  EXPECT_EQ(opened.code, 0) << opened.text;
  EXPECT_EQ(Shown("debian:iso")["boot"], (nlohmann::json{{"any", "tree.iso"}}));
  EXPECT_EQ(Shown("debian:disk")["digest"], Shown("debian:iso")["digest"]);
  EXPECT_EQ(Shown("debian:tree")["files"], Shown("debian:tar")["files"]);
  EXPECT_EQ(Shown("debian:tree")["boot"],
            (nlohmann::json{{"any", "linux"}, {"x64", "EFI/BOOT/BOOTX64.EFI"}}));
  EXPECT_THAT(Import(iso, "debian:tree --as disk").text, HasSubstr("neither tree nor ramdisk"));
}

TEST_F(ImportTest, ARefusedArchiveSaysItsEntryAndTheWayOutAndLeavesNothing) {
  const auto tar = Put("tree.tar", Packed({{.path = "a.efi", .content = ProgramX64()},
                                           {.path = "../../etc/passwd", .content = "root"}}));
  const Ran ran = Import(tar, "bad:1");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.text, AllOf(HasSubstr("tree.tar: entry \"../../etc/passwd\""),
                              HasSubstr("leads out of the tree by \"..\""),
                              HasSubstr("pack it again without that entry")));
  const auto answer =
      client_->Put("/api/v1/images/bad:1?file=tree.tar",
                   Packed({{.path = "caf\xe9", .content = "x"}}), "application/x-tar");
  EXPECT_EQ(answer->status, 400);
  EXPECT_THAT(answer->body, HasSubstr("is not UTF-8"));
  EXPECT_EQ(client_->Get("/api/v1/images/bad:1")->status, 404);
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "state/images/blobs/sha256"));
}

// openSUSE's DVD, as far as it is recognised by.
TEST_F(ImportTest, ADistributionsTreeProposesWhatBootsItAndTheProposalIsTaken) {
  const std::string kernel = PeBuilder{.sections = {{".text", "kernel"}}}.Build();
  const auto iso =
      Put("leap.iso", Packed({{.path = "EFI/BOOT/bootx64.efi", .content = ProgramX64()},
                              {.path = "media.1/products", .content = "/ openSUSE-Leap 15.5-1\n"},
                              {.path = "boot/x86_64/loader/linux", .content = kernel},
                              {.path = "boot/x86_64/loader/initrd", .content = "initrd of leap"}},
                             "iso"));
  const Ran ran = Import(iso, "leap:15.5 --as tree --arguments proposed --labels site=west");
  EXPECT_EQ(ran.code, 0) << ran.text;
  const std::string arguments = "install=https://boot.slipway.test/leap/15.5 netsetup=dhcp";
  EXPECT_THAT(ran.text,
              AllOf(HasSubstr("Recognised: openSUSE-Leap 15.5-1"),
                    HasSubstr("x64: boot/x86_64/loader/linux + boot/x86_64/loader/initrd"),
                    HasSubstr(arguments), HasSubstr("--from leap:15.5 --arch x64")));
  const auto shown = Shown("leap:15.5");
  EXPECT_EQ(shown["layout"]["family"], "suse");
  EXPECT_EQ(shown["layout"]["boots"][0]["arguments"], arguments);
  EXPECT_EQ(shown["arguments"], (nlohmann::json{{"x64", "install={base} netsetup=dhcp"}}));
  EXPECT_EQ(shown["labels"], (nlohmann::json{{"site", "west"}}));
  EXPECT_THAT(Slipway("image show leap:15.5").text,
              AllOf(HasSubstr("kernel"), HasSubstr(arguments), HasSubstr("ssl.certs=0")));

  EXPECT_THAT(Import(iso, "leap:15.6 --as tree --arguments proposed --arch aa64").text,
              HasSubstr("no arguments are proposed for aa64"));
  EXPECT_THAT(Import(iso, "leap:15.6 --as tree --kernel /k").text,
              HasSubstr("leave out one of the two"));
  EXPECT_THAT(Slipway("image import leap-boot:15.5 --kernel /").text, HasSubstr("/: is no file"));

  const Ran taken = Slipway("image import leap-boot:15.5 --from leap:15.5");
  EXPECT_EQ(taken.code, 0) << taken.text;
  const auto uki = Shown("leap-boot:15.5");
  EXPECT_EQ(uki["files"][0]["role"], "uki");
  EXPECT_EQ(uki["boot"], (nlohmann::json{{"x64", "linux.efi"}}));
  EXPECT_EQ(uki["secure_boot"]["files"][0]["uki"]["command_line"], arguments);
  EXPECT_THAT(Slipway("image import x:1 --from leap:15.5 --arch aa64").text,
              HasSubstr("proposes nothing for aa64"));

  // Its installer goes on from the tree, which is ready with it, and stays as long.
  EXPECT_EQ(uki["needs"], (nlohmann::json{{"image-set", "leap:15.5"}}));
  EXPECT_EQ(Shown("leap:15.5")["loaded"], false);
  EXPECT_EQ(Slipway("machine set 52:54:00:00:00:07 leap-boot:15.5").code, 0);
  EXPECT_EQ(Shown("leap:15.5")["loaded"], true);
  EXPECT_THAT(Slipway("image rm leap:15.5").text,
              HasSubstr("image set leap-boot:15.5, which needs it"));
  EXPECT_EQ(Slipway("machine set 52:54:00:00:00:07 -").code, 0);
  EXPECT_EQ(Slipway("image rm leap:15.5").code, 0);
}

TEST_F(ImportTest, AUkiThatCannotBeWrittenLeavesWhatWasThereAndNothingBeside) {
  const auto kernel = Put("vmlinuz", PeBuilder{.sections = {{".text", "kernel"}}}.Build());
  const std::string parts = " --kernel " + kernel.string();
  const auto out = folder_ / "out";
  std::filesystem::create_directory(out);
  std::ofstream(out / "own.efi") << "the one before";
  std::filesystem::create_symlink("own.efi", out / "link.efi");
  // A disk without room, as a limit of four kilobytes.
  const Ran full = Shell(Text("trap '' XFSZ; ulimit -f 8; ", SLIPWAY_PROGRAM, " image uki ",
                              (out / "own.efi").string(), parts));
  EXPECT_EQ(full.code, 1);
  EXPECT_THAT(full.text, HasSubstr("make room on its disk"));
  EXPECT_EQ(ReadAll(out / "own.efi"), "the one before");
  const auto names = [&] {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator(out)) ++count;
    return count;
  };
  EXPECT_EQ(names(), 2U) << "something half-done lies there";
  // A link leads where it led.
  EXPECT_EQ(Slipway("image uki " + (out / "link.efi").string() + parts).code, 0);
  EXPECT_TRUE(std::filesystem::is_symlink(out / "link.efi"));
  EXPECT_EQ(ReadAll(out / "own.efi").substr(0, 2), "MZ");
  EXPECT_EQ(names(), 2U);
  // A pipe is written to.
  const std::string pipe = (out / "pipe").string();
  const Ran piped =
      Shell(Text("mkfifo ", pipe, " && (timeout 60 head -c 2 ", pipe, " & timeout 60 ",
                 SLIPWAY_PROGRAM, " image uki ", pipe, parts, " >&2; wait)"));
  EXPECT_THAT(piped.text, HasSubstr("MZ"));
  EXPECT_TRUE(std::filesystem::is_fifo(out / "pipe"));
}

TEST_F(ImportTest, AUkiIsMadeAndSignedHereAndItsKeyStaysHere) {
  const TemporaryFolder own_folder;
  const Signer own(own_folder);
  secure_boot_ = Text("[secure_boot]\npolicy = \"refuse\"\ndb = [\"", own.pem().string(), "\"]\n");
  End();
  Begin();
  const auto kernel = Put("vmlinuz", PeBuilder{.sections = {{".text", "kernel"}}}.Build());
  const auto initrd = Put("initrd", "first initrd");
  const std::string parts = Text(" --kernel ", kernel.string(), " --initrd ", initrd.string(), ",",
                                 initrd.string(), " --cmdline 'quiet root=/dev/vda'");
  const std::string keys =
      Text(" --sign-key ", own.key().string(), " --sign-cert ", own.pem().string());
  const Ran ran = Slipway("image import own:1" + parts + keys);
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_THAT(ran.text, HasSubstr("Secure Boot: accepted"));
  const auto shown = Shown("own:1");
  EXPECT_EQ(shown["secure_boot"]["files"][0]["uki"]["system"], "own:1");
  EXPECT_EQ(shown["secure_boot"]["files"][0]["uki"]["command_line"], "quiet root=/dev/vda");
  // Nothing of the key is among what the server keeps.
  const std::string line = ReadAll(own.key()).substr(94, 60);
  EXPECT_NE(Shell(Text("grep -rF '", line, "' ", (folder_ / "state").string())).code, 0);

  const auto file = folder_ / "own.efi";
  const Ran written = Slipway(Text("image uki ", file.string(), parts, keys));
  EXPECT_EQ(written.code, 0) << written.text;
  const Ran verified = Shell(Text("sbverify --cert ", own.pem().string(), ' ', file.string()));
  EXPECT_EQ(verified.code, 0) << verified.text;

  // Authorities stand behind the last initrd, at a multiple of four.
  const Ran trusting =
      Slipway(Text("image uki ", file.string(), parts, " --trust ", own.pem().string()));
  EXPECT_EQ(trusting.code, 0) << trusting.text;
  EXPECT_THAT(ReadAll(file), HasSubstr("first initrdfirst initrd070701"));
  EXPECT_THAT(ReadAll(file), HasSubstr("etc/ssl/certs/"));
  EXPECT_THAT(Slipway(Text("image uki ", file.string(), " --kernel ", kernel.string(), " --trust ",
                           own.pem().string()))
                  .text,
              HasSubstr("name one with --initrd"));
  EXPECT_THAT(Slipway(Text("image uki ", file.string(), parts, " --trust ", initrd.string())).text,
              HasSubstr("no certificate is in it"));

  const Ran plain = Slipway("image import own:2" + parts);
  EXPECT_EQ(plain.code, 1);
  EXPECT_THAT(plain.text, HasSubstr("it is not signed"));
  EXPECT_THAT(Slipway("image import own:2" + parts + " --sign-key x").text,
              HasSubstr("takes both"));
  EXPECT_THAT(Slipway("image import own:2 --kernel " + initrd.string()).text,
              HasSubstr("no EFI program"));
}

// What is asked for while an import is under way is answered, so nothing is held that others need.
TEST_F(ImportTest, NobodyWaitsForAnImport) {
  const auto source = Put("tree/boot.efi", ProgramX64("first"));
  const auto second = Put("other/boot.efi", ProgramX64("second"));
  ImportBootFile("other:1");
  client_->set_read_timeout(30);
  int asked = 0;
  const auto meanwhile = [&](const ImageSet&) {
    ++asked;
    for (const char* path : {"/api/v1/status", "/api/v1/images",
                             "/api/v1/explain?mac=52:54:00:00:00:01", "/metrics"}) {
      const auto answer = client_->Get(path);
      EXPECT_TRUE(answer) << path << " waits";
    }
    EXPECT_EQ(Slipway("machine hold 52:54:00:00:00:01").code, 0);
    core_->Collect([] {});
    core_->Want({"/other/1/boot.efi"});
    core_->Housekeep();
    EXPECT_TRUE(core_->IsLoaded(core_->image_store().Resolve("other:1").value()));
    // Neither this, nor an import of the same name, takes away what has come in.
    EXPECT_TRUE(core_->image_store().CollectGarbage({}).ok());
    EXPECT_TRUE(core_->ImportImage(second.parent_path(), "debian:stable", {}, DaemonActor()).ok());
    return absl::OkStatus();
  };
  const auto set = core_->ImportImage(source.parent_path(), "debian:stable", {.check = meanwhile},
                                      DaemonActor());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(core_->image_store().Resolve("debian:stable")->digest, set->digest);
  EXPECT_TRUE(core_->IsLoaded(*set)) << "the image set that all machines boot";
  EXPECT_EQ(client_->Get("/v2/debian/blobs/sha256:" + set->files.front().digest)->body,
            ProgramX64("first"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "state/images/.incoming"));
}

// A pipe in the place of the bytes keeps whoever reads them, as a slow disk does.
class SlowDiskTest : public ImportTest {
 protected:
  // Of the image set's one file.
  void Block(const std::string& reference) {
    const auto set = core_->image_store().Resolve(reference);
    ASSERT_TRUE(set.ok()) << set.status();
    blob_ = core_->image_store().BlobPath(set->files.front().digest);
    std::filesystem::rename(blob_, folder_ / "kept");
    ASSERT_EQ(::mkfifo(blob_.c_str(), 0600), 0);
  }
  // Whoever reads it finds nothing; the next one finds the bytes.
  void Unblock() {
    std::filesystem::rename(blob_, folder_ / "pipe");
    std::filesystem::rename(folder_ / "kept", blob_);
    ::close(::open((folder_ / "pipe").c_str(), O_WRONLY | O_NONBLOCK));  // if anybody does
  }
  bool IsLoaded(const std::string& reference) {
    return core_->IsLoaded(core_->image_store().Resolve(reference).value());
  }

  std::filesystem::path blob_;
};

TEST_F(SlowDiskTest, NobodyWaitsForAnImageSetThatIsReadIntoMemory) {
  ImportBootFile("other:1");
  Block("other:1");
  const std::size_t before = memory_.in_use();
  std::thread loader([&] { core_->Want({"/other/1/boot.efi"}); });
  while (memory_.in_use() == before) std::this_thread::yield();  // until it has begun
  client_->set_read_timeout(30);
  EXPECT_TRUE(client_->Get("/api/v1/status")) << "waits";
  EXPECT_FALSE(IsLoaded("other:1"));
  EXPECT_EQ(Slipway("machine hold 52:54:00:00:00:01").code, 0);
  Unblock();
  loader.join();
  core_->Housekeep(std::chrono::steady_clock::now() + std::chrono::seconds(2));
  EXPECT_TRUE(IsLoaded("other:1")) << "its bytes were not those of the pipe: it is read again";
}

// Each of the three reads the set that it assigns; who writes another meanwhile does not wait.
TEST_F(SlowDiskTest, NobodyWritesLaterForAnImageSetThatIsReadIntoMemory) {
  ImportBootFile("debian:stable");
  for (const char* slow : {"machine set 52:54:00:00:00:01 other:1", "rule set slow --image other:1",
                           "rollout start debian:stable other:1"}) {
    ImportBootFile("other:1", 3000);
    Block("other:1");
    const std::size_t before = memory_.in_use();
    std::thread writer([&] { EXPECT_EQ(Slipway(slow).code, 0) << slow; });
    while (memory_.in_use() == before) std::this_thread::yield();  // until it has begun
    client_->set_read_timeout(30);
    for (const auto& [path, body] : std::map<std::string, std::string>{
             {"/api/v1/machines/52:54:00:00:00:02", R"({"labels": {"rack": "a1"}})"},
             {"/api/v1/rules/quick", R"({"image_set": "debian:stable"})"}}) {
      const auto put = client_->Put(path, body, "application/json");
      EXPECT_TRUE(put) << path << " waits for: " << slow;
      EXPECT_EQ(put ? put->status : 0, 200);
    }
    const auto gone = client_->Delete("/api/v1/rollouts/other:1");
    EXPECT_TRUE(gone) << "a rollout waits for: " << slow;
    Unblock();
    writer.join();
    core_->Housekeep();
    EXPECT_TRUE(IsLoaded("other:1")) << slow;
    // The next begins as this one did.
    EXPECT_EQ(Slipway("machine set 52:54:00:00:00:01 -").code, 0);
    if (Slipway("rule rm slow").code != 0) Slipway("rollout rollback debian:stable");
    ASSERT_EQ(Slipway("image rm other:1").code, 0) << slow;
  }
}

// What nobody loaded ahead is not read while everybody waits: it comes after.
TEST_F(SlowDiskTest, APublicationReadsNothing) {
  ImportBootFile("other:1");
  Block("other:1");
  const Rule rule = ParseRule("slow", {{"image_set", "other:1"}}).value();
  auto put = std::async(std::launch::async, [&] { return core_->PutRule(rule, DaemonActor()); });
  const bool is_quick = put.wait_for(std::chrono::seconds(30)) == std::future_status::ready;
  EXPECT_TRUE(is_quick) << "it reads";
  Unblock();
  EXPECT_TRUE(put.get().ok());
  core_->Housekeep(std::chrono::steady_clock::now() + std::chrono::seconds(2));
  EXPECT_TRUE(IsLoaded("other:1"));
  const auto* file = snapshot_->images.Find("/other/1/boot.efi");
  ASSERT_NE(file, nullptr);
  EXPECT_TRUE(file->loaded);
}

}  // namespace
}  // namespace slipway::control
