// SPDX-License-Identifier: Apache-2.0
//
// The API's description, made of the route table and the schemas: OpenAPI 3.1 for programs (GET
// /api/v1/openapi.json), and docs/api.md for people. Neither is written by hand.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "control/rest/route_table.h"

namespace slipway::control {

// What a route answers when it succeeds, read from Route::answer.
struct AnswerForm {
  int status = 200;
  std::string_view media_type = "application/json";  // empty: no body
  std::string_view type;                             // as schemas.h writes it; empty: not JSON
};
AnswerForm AnswerOf(const Route& route);

nlohmann::json OpenApi();
std::string ApiDocument();

}  // namespace slipway::control
