// SPDX-License-Identifier: Apache-2.0
//
// Documents: what the templates become for each machine of the catalog, as one immutable value that
// a snapshot keeps (protocols/http/machine_catalog.h says at which paths).
//
// It is built of the one before: where neither templates, rules nor what else they read have
// changed, only machines that did are looked at; where they have, a document that comes out the
// same is kept. So a publication shares what it does not change.
//
// Invariant: a machine has a document of each template that means it, or there is a failure that
// says why not. The texts of all documents together are at most kDocumentsBytesMax; until boots in
// flight end, those of the value before may be there as well.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "control/templates/template.h"
#include "control/templates/variables.h"
#include "protocols/http/machine_catalog.h"

namespace slipway::control {

inline constexpr std::size_t kDocumentsBytesMax = std::size_t{128} << 20;

struct DocumentInputs {
  VariableInputs variables;
  const MachineList& machines;  // of the catalog; they come before the configuration's
  const std::vector<Template>& templates;
  std::int64_t now_unix_seconds = 0;
};

struct DocumentFailure {
  std::string machine;  // KeyOf()
  std::string name;     // the template's
  std::string words;    // which variable is missing, in which line, and what to do
};

// What became of one template for one machine.
struct Rendered {
  std::string text;
  std::string wrong;  // empty: good
};
Rendered Render(const Mustache& mustache, const Template& one, const MachineVariables& variables);

class Documents {
 public:
  // `before` may be null.
  static std::shared_ptr<const Documents> Build(const DocumentInputs& inputs,
                                                const std::shared_ptr<const Documents>& before);

  const std::shared_ptr<const http::MachineCatalog>& catalog() const { return catalog_; }
  // Of all machines: as many of one template as are asked for.
  std::vector<DocumentFailure> FailuresOf(const std::string& name, std::size_t most) const;
  struct Count {
    std::size_t documents = 0;
    std::size_t failures = 0;
  };
  Count CountOf(const std::string& name) const;
  bool Has(const Machine& machine, const std::string& name) const;
  std::size_t bytes() const { return bytes_; }
  std::size_t failures() const { return failures_; }

  // Failures that `before`, which may be null, did not have: what a change would break.
  std::vector<DocumentFailure> Broken(const Documents* before) const;

 private:
  friend class DocumentBuilder;
  struct Compiled;
  struct Entry;  // of `catalog_`: what its machines are
  static const Entry& EntryOf(const std::shared_ptr<const http::MachineFiles>& machine);

  std::string shared_;  // what all documents are made of, but for the machines
  std::vector<std::shared_ptr<const Compiled>> templates_;
  std::shared_ptr<const http::MachineCatalog> catalog_ =
      std::make_shared<const http::MachineCatalog>(
          std::vector<std::shared_ptr<const http::MachineFiles>>());
  std::size_t bytes_ = 0;
  std::size_t failures_ = 0;
};

// "3 documents could not be made: ...", naming the first few; empty for none.
std::string Sentence(const std::vector<DocumentFailure>& failures);

}  // namespace slipway::control
