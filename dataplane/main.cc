// SPDX-License-Identifier: Apache-2.0
//
// slipwayd: puts the dataplane and the control plane together. Exit codes: 0 after a clean stop,
// 1 when something could not be started, 2 for a bad command line or configuration.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <sstream>
#include <string>
#include <string_view>

#include "control/config/config.h"
#include "control/config/log_settings.h"
#include "control/daemon.h"
#include "control/log.h"
#include "control/offline.h"
#include "dataplane/compose.h"
#include "dataplane/eal_log.h"
#include "dataplane/engine.h"

namespace slipway {
namespace {

constexpr std::string_view kUsage =
    "Usage: slipwayd --config FILE [--check-config]\n"
    "       slipwayd --help | --version\n"
    "  --config FILE    the configuration (config/slipway.toml shows every key)\n"
    "  --check-config   check FILE, print what is wrong with it, start nothing\n"
    "       slipwayd --verify-audit CATALOG.DB [--head NUMBER:HASH]\n"
    "       slipwayd --restore FILE --state DIR     a backup into an empty directory\n"
    "SIGHUP reads certificates and what machines trust again, and issues new ones; SIGTERM and\n"
    "SIGINT stop it.\n";

int Fail(std::string_view what, int code) {
  std::fprintf(stderr, "slipwayd: %.*s\n", static_cast<int>(what.size()), what.data());
  return code;
}

// Signals are taken by waiting for them, so that no handler has to be careful.
sigset_t BlockStopSignals() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  return stop;
}

void LogDpdk(int severity, std::string_view line) {
  using enum control::LogLevel;
  control::Log(severity <= 3   ? kError
               : severity == 4 ? kWarning
               : severity <= 6 ? kInfo
                               : kDebug,
               line, {{"source", "dpdk"}});
}

// What is wrong with the command line or the file was said before, in plain words.
void StartLog(const std::string& file) {
  control::LogSettings settings = control::LoadLogSettings(file);
  const char* const journal = std::getenv("JOURNAL_STREAM");
  settings.is_journal =
      journal != nullptr && control::IsJournalStream(settings.descriptor, journal);
  control::OpenLog(settings);
  dataplane::SetEalSink(LogDpdk);
}

// A line of the log for each of the message: a file may be wrong in several ways.
int FailToStart(const absl::Status& status) {
  std::istringstream lines{std::string(status.message())};
  for (std::string line; std::getline(lines, line);) control::LogError(line);
  return 1;
}

int Serve(const control::Config& config) {
  const sigset_t stop = BlockStopSignals();
  auto engine = dataplane::Engine::Create(dataplane::OptionsOf(config));
  if (!engine.ok()) return FailToStart(engine.status());
  control::ControlPlane control(config, dataplane::SeamsOf(**engine));
  auto leases = control.Start();
  if (!leases.ok()) return FailToStart(leases.status());
  (*engine)->Start(*leases);
  control::LogInfo("serving");
  int signal = 0;
  while (sigwait(&stop, &signal) == 0 && signal == SIGHUP) control.Reload();
  (*engine)->Stop();
  control.Stop();
  control::LogInfo("stopped");
  return 0;
}

}  // namespace
}  // namespace slipway

int main(int argc, char** argv) {
  const std::span<char* const> arguments(argv, static_cast<std::size_t>(argc));
  if (const auto code = slipway::control::RunOffline(arguments.subspan(1))) return *code;
  std::string file;
  bool check = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "--version") {
      std::puts(argument == "--help" ? slipway::kUsage.data() : "slipwayd " SLIPWAY_VERSION);
      return 0;
    }
    if (argument == "--check-config") {
      check = true;
    } else if (argument == "--config" && i + 1 < argc) {
      file = argv[++i];
    } else {
      return slipway::Fail(
          "unknown argument '" + std::string(argument) + "'\n" + std::string(slipway::kUsage), 2);
    }
  }
  if (file.empty())
    return slipway::Fail("--config FILE is missing\n" + std::string(slipway::kUsage), 2);
  const auto loaded = slipway::control::LoadConfig(file);
  if (check || !loaded.config) {
    std::fputs(slipway::control::Report(loaded, file).c_str(), loaded.config ? stdout : stderr);
    return loaded.config ? 0 : 2;
  }
  slipway::StartLog(file);
  return slipway::Serve(*loaded.config);
}
