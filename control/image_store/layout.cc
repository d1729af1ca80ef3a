// SPDX-License-Identifier: Apache-2.0
//
// Layouts: see the header. Where a fact is from stands beside it.
#include "control/image_store/layout.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace slipway::control {
namespace {

struct Word {
  std::string_view theirs;
  std::string_view ours;  // UEFI's short name
};
// As dpkg (Debian, Ubuntu) and as uname (the others) call architectures.
constexpr Word kArchitectures[] = {{"amd64", "x64"},           {"x86_64", "x64"},
                                   {"arm64", "aa64"},          {"aarch64", "aa64"},
                                   {"i386", "ia32"},           {"riscv64", "riscv64"},
                                   {"loong64", "loongarch64"}, {"loongarch64", "loongarch64"}};

std::string_view OurName(std::string_view theirs) {
  const auto known = std::ranges::find(kArchitectures, theirs, &Word::theirs);
  return known == std::end(kArchitectures) ? std::string_view() : known->ours;
}

std::string FirstLine(const std::string& text) {
  std::string line = text.substr(0, std::min<std::size_t>(text.find('\n'), 200));
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  return line;
}

class Recogniser {
 public:
  Recogniser(const ImageSet& set, const TextOfFile& text) : set_(set), text_(text) {}

  std::optional<Layout> Recognise() {
    // SUSE's trees have a .treeinfo too, as Fedora's have.
    for (const auto step : {&Recogniser::Suse, &Recogniser::Fedora, &Recogniser::Ubuntu,
                            &Recogniser::DebianNetboot, &Recogniser::DebianDisc}) {
      Layout layout = (this->*step)();
      if (!layout.boots.empty()) return layout;
    }
    return std::nullopt;
  }

 private:
  bool Has(const std::string& path) const { return set_.Find(path) != nullptr; }
  std::string TextAt(const std::string& path) const {
    const ImageFile* file = set_.Find(path);
    return file == nullptr ? std::string() : text_(*file);
  }
  // Adds the pair where both are there.
  void Add(Layout& layout, std::string_view architecture, const std::string& kernel,
           const std::string& initrd) const {
    if (architecture.empty() || !Has(kernel) || !Has(initrd)) return;
    // What the kernel's own header says counts.
    const auto file = std::ranges::find(set_.files, kernel, &ImageFile::path);
    if (!file->architecture.empty() && file->architecture != architecture) return;
    layout.boots.push_back({.architecture = std::string(architecture),
                            .kernel = kernel,
                            .initrds = {initrd},
                            .arguments = {}});
  }
  static void Arguments(Layout& layout, const std::string& arguments) {
    for (BootProposal& boot : layout.boots) boot.arguments = arguments;
  }

  // The value of "key = value" in a section of .treeinfo (release-engineering's productmd,
  // doc/treeinfo-1.x.rst), which is an INI file.
  std::string TreeInfo(std::string_view section, std::string_view key) const {
    const std::string text = TextAt(".treeinfo");
    std::string_view rest = text;
    bool inside = false;
    while (!rest.empty()) {
      std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (line.starts_with('[')) {
        inside = line.substr(1).starts_with(section) && line.substr(section.size() + 1) == "]";
        continue;
      }
      const std::size_t equals = line.find('=');
      if (!inside || equals == line.npos) continue;
      const auto trimmed = [](std::string_view part) {
        while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
        while (!part.empty() && (part.back() == ' ' || part.back() == '\r')) part.remove_suffix(1);
        return part;
      };
      if (trimmed(line.substr(0, equals)) == key)
        return std::string(trimmed(line.substr(equals + 1)));
    }
    return {};
  }

  // openSUSE and SLE: kernel and initrd as in the grub.cfg of the DVD's EFI/BOOT; linuxrc fetches
  // its system and the packages from install= (SLES 15, "Boot parameters"; SDB:Linuxrc). The media
  // of Agama (Leap 16, SLES 16) are live systems: dracut.cmdline(7), root=live:URL.
  Layout Suse() const {
    Layout layout{.family = "suse", .title = FirstLine(TextAt("media.1/products"))};
    // "/ openSUSE-Leap 15.5-1"
    if (layout.title.starts_with("/ ")) layout.title.erase(0, 2);
    if (layout.title.empty()) layout.title = TreeInfo("general", "name");
    if (layout.title.empty()) layout.title = "SUSE";
    Add(layout, "x64", "boot/x86_64/loader/linux", "boot/x86_64/loader/initrd");
    Add(layout, "aa64", "boot/aarch64/linux", "boot/aarch64/initrd");
    Add(layout, "riscv64", "boot/riscv64/linux", "boot/riscv64/initrd");
    if (Has("LiveOS/squashfs.img")) {
      Arguments(layout, "root=live:{base}/LiveOS/squashfs.img ip=dhcp");
      layout.notes.emplace_back(
          "the live system verifies the server's certificate; rd.noverifyssl switches that off");
    } else {
      Arguments(layout, "install={base} netsetup=dhcp");
      layout.notes.emplace_back(
          "linuxrc verifies the server's certificate by the authorities of its initrd; ssl.certs=0 "
          "switches that off");
    }
    return layout;
  }

  // Fedora, RHEL, CentOS, Alma, Rocky: images/pxeboot and .treeinfo of Anaconda's trees;
  // inst.repo= where packages are in the tree, inst.stage2= for the installer's system alone
  // (Anaconda, "Boot options").
  Layout Fedora() const {
    Layout layout{.family = "fedora", .title = TreeInfo("general", "name")};
    const std::string theirs = TreeInfo("general", "arch");
    if (theirs.empty()) {
      if (!Has("images/install.img")) return layout;
      for (const auto& [architecture, path] : set_.boot) {
        Add(layout, architecture, "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img");
      }
    } else {
      std::string kernel = TreeInfo("images-" + theirs, "kernel");
      std::string initrd = TreeInfo("images-" + theirs, "initrd");
      if (kernel.empty()) kernel = "images/pxeboot/vmlinuz";
      if (initrd.empty()) initrd = "images/pxeboot/initrd.img";
      Add(layout, OurName(theirs), kernel, initrd);
    }
    if (layout.title.empty()) layout.title = "Fedora or RHEL";
    const bool has_packages = std::ranges::any_of(set_.files, [](const ImageFile& file) {
      return file.path == "repodata/repomd.xml" || file.path.ends_with("/repodata/repomd.xml");
    });
    Arguments(layout, has_packages ? "inst.repo={base} ip=dhcp" : "inst.stage2={base} ip=dhcp");
    if (!has_packages) {
      layout.notes.emplace_back(
          "the tree has no packages: the installer asks for a repository, or inst.repo= names one");
    }
    layout.notes.emplace_back(
        "Anaconda verifies the server's certificate by the authorities of its initrd; "
        "inst.noverifyssl switches that off");
    return layout;
  }

  // Ubuntu's live server: casper mounts the ISO that url= names, which must end in .iso; cloud-init
  // would read url= as well, and cloud-config-url= keeps it from that (Ubuntu, "Netbooting the
  // server installer on amd64"; casper, scripts/casper).
  Layout Ubuntu() const {
    Layout layout{.family = "ubuntu", .title = FirstLine(TextAt(".disk/info"))};
    const std::string info = layout.title + ' ';
    if (layout.title.empty()) layout.title = "Ubuntu";
    for (const Word& word : kArchitectures) {
      if (info.find(' ' + std::string(word.theirs) + ' ') == std::string::npos) continue;
      for (const char* initrd : {"casper/initrd", "casper/initrd.gz", "casper/initrd.lz"}) {
        if (layout.boots.empty()) Add(layout, word.ours, "casper/vmlinuz", initrd);
      }
    }
    // The tree of Ubuntu's netboot tar has a folder an architecture.
    for (const Word& word : kArchitectures) {
      const std::string folder(word.theirs);
      if (Has(folder + "/grub/grub.cfg")) {
        Add(layout, word.ours, folder + "/linux", folder + "/initrd");
      }
    }
    Arguments(layout, "ip=dhcp url={base}.iso cloud-config-url=/dev/null");
    layout.notes.emplace_back(
        "the installer fetches the whole ISO: import it beside this (--as ramdisk) and put its "
        "address for {base}.iso; it takes memory of twice its size");
    layout.notes.emplace_back(
        "casper verifies the server's certificate by the authorities of its initrd: serve with one "
        "that is known there, or let url= be plain http");
    return layout;
  }

  // Debian's netboot.tar.gz: debian-installer/ARCH/linux (Debian, installation guide, section 4.5).
  // The mirror's questions are answered on the command line (its appendix B.2.2); they are those of
  // choose-mirror built with https.
  Layout DebianNetboot() const {
    Layout layout{.family = "debian", .title = "Debian installer, netboot"};
    for (const Word& word : kArchitectures) {
      const std::string folder = "debian-installer/" + std::string(word.theirs);
      Add(layout, word.ours, folder + "/linux", folder + "/initrd.gz");
    }
    const std::string suite = Suite();
    Arguments(layout,
              suite.empty() ? Preseed() + Mirror("deb.debian.org", "/debian") : OwnMirror(suite));
    NoteOfDebian(layout);
    return layout;
  }

  // Debian's discs: install.amd, install.a64, install.386 (debian-cd, tools/boot/*). Their initrd
  // knows only CDs; that of netboot goes on from the disc's own dists and pool.
  Layout DebianDisc() const {
    Layout layout{.family = "debian", .title = FirstLine(TextAt(".disk/info"))};
    if (layout.title.empty()) layout.title = "Debian";
    Add(layout, "x64", "install.amd/vmlinuz", "install.amd/initrd.gz");
    Add(layout, "ia32", "install.386/vmlinuz", "install.386/initrd.gz");
    Add(layout, "aa64", "install.a64/vmlinuz", "install.a64/initrd.gz");
    Arguments(layout, OwnMirror(Suite()));
    layout.notes.emplace_back(
        "the disc's initrd looks for a CD: take kernel and initrd of Debian's netboot.tar.gz of "
        "the same release, with these arguments");
    NoteOfDebian(layout);
    return layout;
  }

  static std::string Mirror(const std::string& host, const std::string& folder) {
    return "mirror/country=manual mirror/protocol=https mirror/https/hostname=" + host +
           " mirror/https/directory=" + folder + " mirror/https/proxy=";
  }
  // The tree is the mirror.
  std::string OwnMirror(const std::string& suite) const {
    return Preseed() + Mirror("{host}", "{path}") + (suite.empty() ? "" : " mirror/suite=" + suite);
  }
  std::string Preseed() const {
    return Has("preseed.cfg") ? "auto=true priority=critical url={base}/preseed.cfg " : "";
  }
  static void NoteOfDebian(Layout& layout) {
    layout.notes.emplace_back(
        "the installer verifies the server's certificate by the authorities of its initrd: --trust "
        "CA, a file with what 'slipway ca show' prints, puts ours there; "
        "debian-installer/allow_unauthenticated_ssl=true would switch that off");
  }
  // The code name: that of the folder with a Release; "stable" and the like are links to it.
  std::string Suite() const {
    for (const ImageFile& file : set_.files) {
      constexpr std::string_view kEnd = "/Release";
      if (!file.path.starts_with("dists/") || !file.path.ends_with(kEnd)) continue;
      std::string name = file.path.substr(6, file.path.size() - 6 - kEnd.size());
      if (name.find('/') == name.npos) return name;
    }
    return {};
  }

  const ImageSet& set_;
  const TextOfFile& text_;
};

}  // namespace

std::optional<Layout> RecogniseLayout(const ImageSet& set, const TextOfFile& text) {
  return Recogniser(set, text).Recognise();
}

std::string Filled(std::string arguments, const std::string& host, const std::string& path) {
  const std::pair<std::string_view, std::string> words[] = {
      {"{base}", "https://" + host + path}, {"{host}", host}, {"{path}", path}};
  for (const auto& [word, value] : words) {
    for (std::size_t at = 0; (at = arguments.find(word, at)) != arguments.npos;
         at += value.size()) {
      arguments.replace(at, word.size(), value);
    }
  }
  return arguments;
}

}  // namespace slipway::control
