#include "aero/train/load_weights.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace aero::train {
namespace {

/// Writes "a", "b", "c", "d" and 3 more.
std::string list(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 4;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), shown); ++i) {
    text += (i > 0 ? ", \"" : "\"") + names[i] + "\"";
  }
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

}  // namespace

void load_weights(model::DecoderImpl& decoder, const checkpoint::TensorMap& weights) {
  const torch::NoGradGuard no_grad;
  const auto named = decoder.named_state();
  const std::map<std::string, torch::Tensor> state(named.begin(), named.end());
  std::vector<std::string> unknown, missing;
  for (const auto& [name, tensor] : weights) {
    if (!state.contains(name)) unknown.push_back(name);
  }
  for (const auto& [name, tensor] : state) {
    if (!weights.contains(name)) missing.push_back(name);
  }
  if (!unknown.empty() || !missing.empty()) {
    std::string message = "weights:";
    if (!unknown.empty()) message += " the model has no parameter " + list(unknown) + ";";
    if (!missing.empty()) message += " the checkpoint lacks " + list(missing) + ";";
    throw Error(
        message +
        " the model has another architecture, or other parts of its own, than the checkpoint");
  }
  for (const auto& [name, tensor] : state) {
    const auto& stored = weights.at(name);
    if (stored.sizes() != tensor.sizes()) {
      std::ostringstream message;
      message << "weights: \"" << name << "\" has shape " << stored.sizes()
              << " in the checkpoint and " << tensor.sizes() << " in the model";
      throw Error(message.str());
    }
  }
  for (const auto& [name, tensor] : state) tensor.copy_(weights.at(name));
}

}  // namespace aero::train
