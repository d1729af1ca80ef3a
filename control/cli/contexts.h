// SPDX-License-Identifier: Apache-2.0
//
// Contexts: appliances by name, for whoever minds several. A context is a folder in the form of an
// appliance's state directory, so what --state reads it reads too:
//
//   <home>/contexts/NAME/management    the address of the REST interface
//                       /ca.pem        whom to trust for it
//                       /token         or cert.pem and key.pem
//   <home>/current -> contexts/NAME    the one in use
//
// <home> is $XDG_CONFIG_HOME/slipway or ~/.config/slipway (XDG Base Directory Specification 0.8).
// Folders have mode 0700 and secrets 0600. A new context is whole or not there; of one that is
// changed each file is.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace slipway::control {

// What is empty stays as it is.
struct ContextSettings {
  std::string server;  // ADDRESS or ADDRESS:PORT
  std::string token;
  std::filesystem::path ca;  // PEM files, which are copied
  std::filesystem::path certificate;
  std::filesystem::path key;
};

class Contexts {
 public:
  struct Entry {
    std::string name;
    std::string server;
    bool current = false;
  };

  explicit Contexts(std::filesystem::path home) : home_(std::move(home)) {}
  // Of this user; the error says which variables name no place.
  static absl::StatusOr<Contexts> OfUser();

  std::vector<Entry> List() const;  // by name
  std::string Current() const;      // empty: none
  // Of a context that is there.
  absl::StatusOr<std::filesystem::path> FolderOf(const std::string& name) const;

  // Makes it or changes it. A new one needs an address, a CA, and a token or a certificate; a token
  // takes the place of a certificate and the other way round. Everything is looked at before
  // anything is written.
  absl::Status Set(const std::string& name, const ContextSettings& settings) const;
  absl::Status Use(const std::string& name) const;
  void UseNone() const;
  absl::Status Remove(const std::string& name) const;

 private:
  std::filesystem::path home_;
};

}  // namespace slipway::control
