#include "aero/model/part.h"

namespace aero::model {
namespace {

class DropoutImpl : public PartImpl {
 public:
  explicit DropoutImpl(double p) : p_(p) {}

  torch::Tensor forward(const torch::Tensor& x) override {
    return torch::dropout(x, p_, is_training());
  }

 private:
  double p_;
};

}  // namespace

Part make_dropout(double p) {
  if (p == 0) return std::make_shared<AbsentImpl>();
  return std::make_shared<DropoutImpl>(p);
}

}  // namespace aero::model
