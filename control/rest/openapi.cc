// SPDX-License-Identifier: Apache-2.0
#include "control/rest/openapi.h"

#include <vector>

#include "control/rest/routes.h"
#include "control/rest/schemas.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using nlohmann::json;

std::vector<std::string_view> Split(std::string_view text, char between) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(between), text.size());
    if (end != 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::vector<std::string_view> Variables(std::string_view path) {
  std::vector<std::string_view> names;
  for (std::size_t open = path.find('{'); open != path.npos; open = path.find('{', open + 1)) {
    std::string_view name = path.substr(open + 1, path.find('}', open) - open - 1);
    if (name.ends_with('+')) name.remove_suffix(1);
    names.push_back(name);
  }
  return names;
}

// OpenAPI knows no variable of several segments; it is one whose slashes stay as they are.
std::string PathOf(const Route& route) {
  std::string path(route.path);
  for (std::size_t plus = path.find("+}"); plus != path.npos; plus = path.find("+}")) {
    path.erase(plus, 1);
  }
  return path;
}

std::string RightsOf(const Route& route) {
  return route.role ? Text("Needs the role ", NameOf(*route.role), ".")
                    : std::string("Needs no authentication.");
}

json Content(std::string_view media_type, std::string_view type) {
  json form = json::object();
  if (!type.empty()) form["schema"] = JsonSchemaOf(type);
  return {{std::string(media_type), form}};
}

json Parameters(const Route& route) {
  json parameters = json::array();
  for (const std::string_view name : Variables(route.path)) {
    parameters.push_back(
        {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  for (const std::string_view name : Split(route.query, ' ')) {
    parameters.push_back({{"name", name}, {"in", "query"}, {"schema", {{"type", "string"}}}});
  }
  return parameters;
}

json OperationOf(const Route& route) {
  const AnswerForm answer = AnswerOf(route);
  json success = {{"description", route.summary}};
  if (!answer.media_type.empty()) success["content"] = Content(answer.media_type, answer.type);
  json operation = {{"summary", route.summary},
                    {"description", RightsOf(route)},
                    {"responses",
                     {{std::to_string(answer.status), success},
                      {"default", {{"$ref", "#/components/responses/Problem"}}}}}};
  if (json parameters = Parameters(route); !parameters.empty()) {
    operation["parameters"] = std::move(parameters);
  }
  if (!route.body.empty()) {
    json content = json::object();
    for (const std::string_view form : Split(route.body, ' ')) {
      content.update(form.starts_with('@') ? Content(form.substr(1), "")
                                           : Content("application/json", form));
    }
    operation["requestBody"] = {{"required", true}, {"content", content}};
  }
  if (!route.role) operation["security"] = json::array();
  return operation;
}

std::string TypeLink(std::string_view type) {
  std::string_view name = type;
  while (!name.empty() && (name.front() == '[' || name.front() == '{')) {
    name = name.substr(1, name.size() - 2);
  }
  for (const Schema& schema : Schemas()) {
    if (schema.name != name) continue;
    std::string anchor(name);
    for (char& letter : anchor) letter = static_cast<char>(letter | 0x20);
    return Text('[', name == type ? "" : "list of ", name, "](#", anchor, ")");
  }
  return std::string(type);
}

std::string AnswerText(const Route& route) {
  const AnswerForm answer = AnswerOf(route);
  std::string text = answer.status == 200 ? "" : std::to_string(answer.status);
  if (answer.media_type.empty()) return text;
  if (!text.empty()) text += ' ';
  return text + (answer.type.empty() ? std::string(answer.media_type) : TypeLink(answer.type));
}

std::string BodyText(const Route& route) {
  std::vector<std::string> forms;
  for (const std::string_view form : Split(route.body, ' ')) {
    forms.push_back(form.starts_with('@') ? std::string(form.substr(1)) : TypeLink(form));
  }
  return Join(forms, " or ");
}

// In a table of Markdown a stroke would end the cell.
std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    if (letter == '|') escaped += '\\';
    escaped += letter;
  }
  return escaped;
}

std::string SchemaText(const Schema& schema) {
  std::string text = Text("\n### ", schema.name, "\n\n");
  if (!schema.sentence.empty()) text += Text(schema.sentence, "\n\n");
  text += "| field | type |\n|---|---|\n";
  for (const std::string_view field : Split(schema.fields, ' ')) {
    const std::size_t colon = field.find(':');
    text += Text("| `", field.substr(0, colon), "` | `", Escaped(field.substr(colon + 1)), "` |\n");
  }
  return text;
}

constexpr const char* kEventsAndWebhooks =
    "\n## Live events\n\n`GET /api/v1/events` is a stream of server-sent events (WHATWG HTML "
    "9.2), which a browser's EventSource reads. `event:` is the kind,\n`data:` one JSON object: "
    "`step` (LiveStep), `boot` (Boot: it began, or its outcome or cause changed), `link` "
    "(LiveLink), `change` (LiveChange), `held` (LiveHeld: a machine began to wait for its "
    "approval; "
    "two a second at most, and\n`untold` counts the others) and, for operators, `audit` "
    "(LiveAudit). `?kind=` takes "
    "several with commas; `?mac=` leaves what is about one machine.\n\nIds rise by one with each "
    "event of any kind, also over restarts. The last 16,384 are kept: with `Last-Event-ID` (or "
    "`?after=`) a stream goes on\nbehind that one. Where events are gone it begins with `gap` "
    "(LiveGap), which counts all kinds, whatever is asked for. A comment comes every 15 "
    "seconds\nof silence. At most 16 streams are open, 8 of one token (503 beyond); one that "
    "does not read as "
    "fast as things happen, or whose token ends, is closed.\n"
    "\n## Webhooks\n\nA webhook gets the same events by POST, signed as Standard Webhooks 1.0 "
    "has it: `webhook-id` (the same each time a message is sent),\n`webhook-timestamp` (Unix "
    "seconds of this try) and `webhook-signature`: `v1,` and Base64 of HMAC-SHA256 over "
    "`id.timestamp.body`, by the\nkey whose Base64 follows `whsec_` in the secret. The body: "
    "`{\"type\": kind, \"timestamp\": RFC 3339, \"data\": as in the stream}`.\n\nOnly 2xx "
    "means delivered; redirects are not followed. Messages come in order, one at a time: a "
    "message is tried again after a second, then after\ntwice as long each time, a minute at "
    "most, and given up after an hour. 1,000 wait at most; then the oldest goes. A message `gap` "
    "(LiveGap) tells\nhow many were missed. What waits when slipwayd ends is lost, and the first "
    "message after a start is a `gap` without a number. A try ends after 20 seconds, however its "
    "answer drips.\nAt most 16 webhooks.\n";

constexpr std::string_view kSelections =
    "\n## Which machines a list is of\n\n`?selector=` leaves of machines, boots and leases those "
    "of "
    "machines that it means, as rules write it (`rack in (a1, a2), !retired`): by labels, "
    "`group`,\n"
    "`name`, `serial`, `mac` and `uuid`. What only a machine's message tells (`arch`, `network` "
    "and "
    "the like) is refused by its name. Boots and leases of a machine are found by\nits MAC, or by "
    "the UUID that its lease has; a machine that nobody has entered is in none. `?search=` of "
    "machines is for people: each of its words stands in the MAC, UUID,\nname, serial number, "
    "image "
    "set, a group or a label (`key=value`), in small or capital letters. A page is full unless it "
    "is "
    "the last.\n";

constexpr std::string_view kCaptures =
    "\n## Captures\n\n`GET /api/v1/machines/{mac}/capture` is a pcapng file that grows as frames "
    "come and go: those from and to that MAC on every port, and DHCP about\nit (its chaddr, where "
    "a server broadcasts or a relay asks). It ends after `seconds` (600 where it is not said, a "
    "day at most), when `bytes` are written\n(1 GiB), by `DELETE` of what the header `Location` "
    "names, or when slipwayd stops; then its last blocks say what was lost. `snap` keeps only "
    "the\nfirst bytes of each frame. Frames that the reader is too slow for are lost and counted, "
    "in front of the next (epb_dropcount). At most 4 captures run\n(409 beyond). Who captured "
    "whom, and for how long, is in the audit log.\n"
    "\n## Scopes\n\nA token or a client certificate with a scope lists, reads, watches and "
    "captures its own machines: "
    "lists of machines, those held, boots, leases, captures and the queue page over those alone, "
    "and\nanother machine, its boots and captures are answered as what is not there (404), "
    "or refused (403) where the path is a MAC that need not be known. What all machines share is "
    "read as others read it; "
    "the audit log is not (`docs/operating.md`).\n";

}  // namespace

AnswerForm AnswerOf(const Route& route) {
  AnswerForm form;
  for (const std::string_view part : Split(route.answer, ' ')) {
    if (part.front() >= '1' && part.front() <= '9') {
      form.status = (part[0] - '0') * 100 + (part[1] - '0') * 10 + (part[2] - '0');
    } else if (part.front() == '@') {
      form.media_type = part.substr(1);
    } else {
      form.type = part;
    }
  }
  if (form.status == 204) form.media_type = "";
  return form;
}

json OpenApi() {
  json paths = json::object();
  for (const Route& route : Routes()) {
    if (IsOfTheRegistry(route.path)) continue;
    std::string method(route.method);
    for (char& letter : method) letter = static_cast<char>(letter | 0x20);
    paths[PathOf(route)][method] = OperationOf(route);
  }
  json schemas = json::object();
  for (const Schema& schema : Schemas()) schemas[std::string(schema.name)] = JsonSchemaOf(schema);
  return {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "Slipway"},
        {"version", "1"},
        {"description",
         "The control plane of a network-boot appliance. Lists come in pages of ?limit= items "
         "(1,000 where it is not said); Link: rel=\"next\" leads on."}}},
      {"security",
       {{{"token", json::array()}},
        {{"password", json::array()}},
        {{"mutualTLS", json::array()}},
        {{"session", json::array()}}}},
      {"components",
       {{"securitySchemes",
         {{"token", {{"type", "http"}, {"scheme", "bearer"}}},
          {"password",
           {{"type", "http"},
            {"scheme", "basic"},
            {"description", "The token as the password, with any user name."}}},
          {"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", kSessionCookie}}},
          {"mutualTLS",
           {{"type", "mutualTLS"}, {"description", "A certificate of management.client_ca."}}}}},
        {"responses",
         {{"Problem",
           {{"description", "What went wrong, and what to do."},
            {"content", Content("application/problem+json", "Problem")}}}}},
        {"schemas", schemas}}},
      {"paths", paths}};
}

std::string ApiDocument() {
  std::string text =
      "# The REST interface\n\n"
      "Made of the route table; a test compares it. `GET /api/v1/openapi.json` is the same for "
      "programs (OpenAPI 3.1).\n\n"
      "Send `Authorization: Bearer TOKEN`, the token as the password of Basic, or a certificate "
      "of `management.client_ca`. A browser has a session's\ncookie instead (`docs/web.md`), and "
      "changes nothing but from the appliance's own page. Roles: a viewer\nreads, an operator "
      "changes image sets, machines "
      "and rules, an admin everything; each may do what those before it may. A token "
      "or certificate may have a scope, a selector of machines: it is for those alone\n"
      "(`docs/operating.md`).\n\n"
      "Lists come in pages: `?limit=` items (1,000 where it is not said, 10,000 at most), and "
      "`Link: <...>; rel=\"next\"` while there are more.\n"
      "A list has an `ETag`: `If-None-Match` with it is answered by 304 while nothing has changed. "
      "A machine, a rule, a rollout,\na network and a template have one too: `If-Match` with it "
      "and "
      "`If-None-Match: *` keep two operators from undoing each other (412). A field that means "
      "nothing is refused\nby its name. Every success of a route "
      "marked * is in the audit log. What is under `/v2` speaks OCI's distribution-spec 1.1 "
      "(`docs/image-sets.md`).\n\n"
      "| | path | role | body | answer | |\n|---|---|---|---|---|---|\n";
  for (const Route& route : Routes()) {
    if (IsOfTheRegistry(route.path)) continue;
    std::string query;
    for (const std::string_view name : Split(route.query, ' ')) {
      query += Text(query.empty() ? " `?" : "&", name, "=");
    }
    if (!query.empty()) query += '`';
    text += Text("| ", route.method, route.effect == Effect::kChange ? "*" : "", " | `", route.path,
                 "`", query, " | ", route.role ? NameOf(*route.role) : "", " | ", BodyText(route),
                 " | ", AnswerText(route), " | ", route.summary, " |\n");
  }
  text += kSelections;
  text += kEventsAndWebhooks;
  text += kCaptures;
  text +=
      "\n## Problems\n\nAn error is a problem document (RFC 9457) whose `type` is one of these; "
      "its `detail` says what is wrong with this very request.\n\n"
      "| type | status | what to do |\n|---|---|---|\n";
  for (const ProblemKind& kind : ProblemKinds()) {
    text += Text("| `/problems/", kind.kind, "` | ", kind.status, " ", kind.title, " | ",
                 kind.remedy, " |\n");
  }
  text +=
      "\n## Documents\n\n`T~` is T or null, `[T]` a list, `{T}` an object of T by name, `name?` "
      "may "
      "be absent.\n";
  for (const Schema& schema : Schemas()) text += SchemaText(schema);
  return text;
}

}  // namespace slipway::control
