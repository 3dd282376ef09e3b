#pragma once

#include "aero/config/fields.h"
#include "aero/config/json_value.h"

#include <optional>
#include <string>

namespace aero {

/// Sets a field to a value of a file, or says why it cannot, as in "expected an integer, not a
/// text". A refused value leaves the field as it was.
std::optional<std::string> assign(Field& field, const JsonValue& value);

/// Converts a text of the command line into a value of the field's type.
JsonValue value_from_text(const Field& field, const std::string& text);

}  // namespace aero
