#pragma once

#include <string_view>

namespace aero::exchange {

/// The files of src/exchange/transformers, which an exported model of AERO's own brings along, as
/// they were when the program was built.
std::string_view configuration_code();
std::string_view modeling_code();

}  // namespace aero::exchange
