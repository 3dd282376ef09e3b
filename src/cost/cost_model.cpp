#include "aero/cost/cost_model.h"

#include "cost_model_description.h"
#include "pricing.h"

namespace aero::cost {

CostModel CostModel::load(const std::string& name_or_path) {
  const CostFile file = open_cost_file(name_or_path, cost_models());
  if (is_base(file.root)) refuse_base(file, cost_models());
  return CostModel(std::make_unique<const CostModelDescription>(read_cost_model(file)));
}

std::vector<std::string> CostModel::names() {
  return file_names(cost_models());
}

CostModel::CostModel(std::unique_ptr<const CostModelDescription> description)
    : description_(std::move(description)) {}

CostModel::~CostModel() = default;
CostModel::CostModel(CostModel&&) noexcept = default;
CostModel& CostModel::operator=(CostModel&&) noexcept = default;

const CostModelAbout& CostModel::about() const {
  return description_->about;
}

std::vector<std::string> CostModel::constants() const {
  std::vector<std::string> names;
  for (const auto& [name, constant] : description_->book.constants()) {
    if (constant.value) names.push_back(name);
  }
  return names;
}

PiCost CostModel::price(const ModelConfig& config, const Pass& pass,
                        const std::optional<Network>& network,
                        const Assumptions& assumptions) const {
  return Pricing(*description_, config, pass, network, assumptions).cost();
}

}  // namespace aero::cost
