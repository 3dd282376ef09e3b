#include "aero/model/child.h"

#include "aero/core/error.h"

namespace aero::model {

void throw_no_such_child(const torch::nn::Module& owner, const std::string& name,
                         const torch::nn::Module* found) {
  const auto place = "model: \"" + name + "\" of " + owner.name() + ": ";
  if (found == nullptr) throw Error(place + "no module is registered under that name");
  throw Error(
      place + found->name() +
      " cannot stand there; derive it from the class that the part has in include/aero/model "
      "(PartImpl for a norm, an activation, an FFN)");
}

}  // namespace aero::model
