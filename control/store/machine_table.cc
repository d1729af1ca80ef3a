// SPDX-License-Identifier: Apache-2.0
#include "control/store/machine_table.h"

#include <algorithm>
#include <utility>

#include "control/parse_json.h"
#include "control/store/named_rows.h"
#include "control/text.h"

namespace slipway::control {

const char* const kCountedMigration =
    "ALTER TABLE machines ADD COLUMN counted_boot INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE machines ADD COLUMN counted_completed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE machines ADD COLUMN counted_next INTEGER NOT NULL DEFAULT 0;";
// Of which MAC the one was that was noted until then, nobody knows.
const char* const kCountedOfMacsMigration =
    "ALTER TABLE machines ADD COLUMN counted TEXT NOT NULL DEFAULT '[]';"
    "UPDATE machines SET counted='[{\"boot\": ' || counted_boot || ', \"completed\": ' ||"
    "  iif(counted_completed, 'true', 'false') || ', \"next\": ' || counted_next || '}]'"
    "  WHERE counted_boot<>0;"
    "ALTER TABLE machines DROP COLUMN counted_boot;"
    "ALTER TABLE machines DROP COLUMN counted_completed;"
    "ALTER TABLE machines DROP COLUMN counted_next;";

namespace {

constexpr std::string_view kColumns =
    "id, name, mac, uuid, image_set, document, completed, failed, firmware, counted";

absl::StatusOr<std::vector<Machine>> Read(Statement& statement) {
  std::vector<Machine> machines;
  while (statement.Next()) {
    Machine machine;
    const auto document = ParseJson(statement.String(5));
    if (absl::Status status = Update(document, machine); !status.ok()) return status;
    machine.id = statement.Integer(0);
    machine.name = statement.String(1);
    if (const Bytes mac = statement.Blob(2); mac.size() == 6) machine.mac = MacAddress::From(mac);
    if (const Bytes uuid = statement.Blob(3); uuid.size() == 16) {
      machine.uuid.emplace();
      Copy(uuid, machine.uuid->octets);
    }
    machine.image_set = ImageSetName::Parse(statement.String(4));
    machine.completed = static_cast<std::uint32_t>(statement.Integer(6));
    machine.failed = static_cast<std::uint32_t>(statement.Integer(7));
    machine.firmware = ParseSeenFirmware(ParseJson(statement.String(8)));
    machine.counted = ParseCountedBoots(ParseJson(statement.String(9)));
    machines.push_back(std::move(machine));
  }
  return Whole(statement, std::move(machines));
}

// What has no column of its own.
nlohmann::json DocumentOf(const Machine& machine) {
  nlohmann::json document = ToJson(machine);
  for (const char* column : {"name", "image_set", "boots_completed", "boots_failed", "firmware"}) {
    document.erase(column);
  }
  return document;
}

}  // namespace

absl::StatusOr<MachineList> MachineTable::All() {
  if (!kept_) {
    Statement statement = database_.Prepare(Text("SELECT ", kColumns, " FROM machines"));
    auto machines = Read(statement);
    if (!machines.ok()) return machines.status();
    kept_.emplace();
    for (Machine& each : *machines) {
      const std::int64_t id = each.id;
      kept_->emplace(id, std::make_shared<const Machine>(std::move(each)));
    }
  }
  MachineList all;
  all.reserve(kept_->size());
  for (const auto& [id, machine] : *kept_) all.push_back(machine);
  return all;
}

absl::StatusOr<std::vector<Machine>> MachineTable::Same(const std::optional<MacAddress>& mac,
                                                        const std::optional<Uuid>& uuid) {
  Statement statement = database_.Prepare(
      Text("SELECT ", kColumns, " FROM machines WHERE mac=? OR uuid=? ORDER BY id"));
  if (mac) statement.Bind(1, Bytes(mac->octets));
  if (uuid) statement.Bind(2, Bytes(uuid->octets));
  return Read(statement);
}

absl::StatusOr<std::vector<Machine>> MachineTable::OfId(std::int64_t id) {
  Statement statement = database_.Prepare(Text("SELECT ", kColumns, " FROM machines WHERE id=?"));
  statement.Bind(1, id);
  return Read(statement);
}

absl::StatusOr<std::optional<Machine>> MachineTable::TakenPlaceOf(const Machine& machine) {
  auto all = Same(machine.mac, machine.uuid);
  if (!all.ok()) return all.status();
  if (machine.id != 0) {
    auto of_id = OfId(machine.id);
    if (!of_id.ok()) return of_id.status();
    std::erase_if(*all, [&](const Machine& each) { return each.id == machine.id; });
    all->insert(all->begin(), of_id->begin(), of_id->end());
  }
  if (all->size() > 1) {
    return absl::AlreadyExistsError(
        "the MAC and the UUID belong to two machines; remove one of them first");
  }
  return all->empty() ? std::nullopt : std::optional(std::move(all->front()));
}

absl::StatusOr<std::int64_t> MachineTable::Count() {
  Statement statement = database_.Prepare("SELECT COUNT(*) FROM machines");
  const std::int64_t count = statement.Next() ? statement.Integer(0) : 0;
  if (absl::Status status = statement.status(); !status.ok()) return status;
  return count;
}

absl::StatusOr<Machine> MachineTable::Put(const Machine& machine,
                                          const std::optional<Machine>& before) {
  Machine stored = machine;
  stored.id = 0;
  if (before) {
    stored.id = before->id;
    if (!stored.mac) stored.mac = before->mac;
    if (!stored.uuid) stored.uuid = before->uuid;
    if (stored.name.empty()) stored.name = before->name;
  }
  if (absl::Status status = Write(stored); !status.ok()) return status;
  if (kept_) kept_->insert_or_assign(stored.id, std::make_shared<const Machine>(stored));
  return stored;
}

absl::StatusOr<Machine> MachineTable::Remove(std::int64_t id) {
  const auto machines = All();
  if (!machines.ok()) return machines.status();
  const auto found =
      std::ranges::find_if(*machines, [&](const auto& each) { return each->id == id; });
  if (found == machines->end()) return absl::NotFoundError("no such machine");
  Statement statement = database_.Prepare("DELETE FROM machines WHERE id=?");
  if (absl::Status status = statement.Bind(1, id).Run(); !status.ok()) return status;
  kept_->erase(id);
  return **found;
}

absl::Status MachineTable::CountBoot(std::int64_t id, const CountedBoot& boot) {
  auto found = OfId(id);
  if (!found.ok()) return found.status();
  if (found->empty() || !CountOnce(boot, found->front())) return absl::OkStatus();
  Machine& counted = found->front();
  Statement statement =
      database_.Prepare("UPDATE machines SET completed=?, failed=?, counted=? WHERE id=?");
  statement.Bind(1, std::int64_t{counted.completed}).Bind(2, std::int64_t{counted.failed});
  const std::string boots = ToJson(counted.counted).dump();
  if (absl::Status status = statement.Bind(3, boots).Bind(4, id).Run(); !status.ok()) {
    return status;
  }
  if (kept_) kept_->insert_or_assign(id, std::make_shared<const Machine>(std::move(counted)));
  return absl::OkStatus();
}

absl::Status MachineTable::NoteFirmware(std::int64_t id, const std::vector<SeenFirmware>& seen) {
  Statement statement = database_.Prepare("UPDATE machines SET firmware=? WHERE id=?");
  const std::string firmware = ToJson(seen).dump();
  absl::Status status = statement.Bind(1, firmware).Bind(2, id).Run();
  if (!status.ok() || !kept_) return status;
  if (const auto place = kept_->find(id); place != kept_->end()) {
    Machine noted = *place->second;
    noted.firmware = seen;
    place->second = std::make_shared<const Machine>(std::move(noted));
  }
  return status;
}

// Gives a new machine its id.
absl::Status MachineTable::Write(Machine& machine) {
  Statement statement = database_.Prepare(
      "INSERT OR REPLACE INTO machines(id, name, mac, uuid, image_set, document, completed, "
      "failed, firmware, counted) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id");
  if (machine.id != 0) statement.Bind(1, machine.id);
  statement.Bind(2, machine.name);
  if (machine.mac) statement.Bind(3, Bytes(machine.mac->octets));
  if (machine.uuid) statement.Bind(4, Bytes(machine.uuid->octets));
  const std::string set = machine.image_set ? machine.image_set->ToString() : "";
  const std::string document = DocumentOf(machine).dump();
  statement.Bind(5, set).Bind(6, document);
  statement.Bind(7, std::int64_t{machine.completed}).Bind(8, std::int64_t{machine.failed});
  const std::string firmware = ToJson(machine.firmware).dump();
  const std::string counted = ToJson(machine.counted).dump();
  statement.Bind(9, firmware).Bind(10, counted);
  if (statement.Next()) machine.id = statement.Integer(0);
  return statement.Run();
}

std::string TitleOf(const Machine& machine) {
  return Text("machine ", machine.mac ? machine.mac->ToString() : machine.uuid->ToString());
}

nlohmann::json Told(const Machine& machine) {
  nlohmann::json told = ToJson(machine);
  told.erase("firmware");  // nobody's doing
  told["mac"] = machine.mac ? machine.mac->ToString() : "";
  told["uuid"] = machine.uuid ? machine.uuid->ToString() : "";
  return told;
}

}  // namespace slipway::control
