#include "aero/model/child.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

namespace aero::model {

void throw_no_such_child(const torch::nn::Module& owner, const std::string& name,
                         const torch::nn::Module* found) {
  const auto place = fmt::format("model: \"{}\" of {}", name, owner.name());
  if (found == nullptr)
    throw Error(fmt::format("{}: no module is registered under that name", place));
  throw Error(
      fmt::format("{}: {} cannot stand there; derive it from the class that the part has in "
                  "include/aero/model (PartImpl for a norm, an activation, an FFN)",
                  place, found->name()));
}

}  // namespace aero::model
