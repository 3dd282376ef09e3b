#include "aero/cost/cost_model.h"

#include "aero/core/error.h"

#include "cost_model_description.h"
#include "pricing.h"

namespace aero::cost {

CostModel CostModel::load(const std::string& name_or_path) {
  const auto file =
      open_cost_file(name_or_path, embedded_cost_models(), "cost model", "configs/cost");
  return CostModel(std::make_unique<const Description>(read_cost_model(file)));
}

std::vector<std::string> CostModel::names() {
  return file_names(embedded_cost_models());
}

CostModel::CostModel(std::unique_ptr<const Description> description)
    : description_(std::move(description)) {}

CostModel::~CostModel() = default;
CostModel::CostModel(CostModel&&) noexcept = default;
CostModel& CostModel::operator=(CostModel&&) noexcept = default;

const CostModelAbout& CostModel::about() const {
  return description_->about;
}

std::vector<std::string> CostModel::constants() const {
  std::vector<std::string> names;
  for (const auto& [name, constant] : description_->book.constants()) names.push_back(name);
  return names;
}

PiCost CostModel::price(const ModelConfig& config, const Pass& pass,
                        const std::optional<Network>& network,
                        const Assumptions& assumptions) const {
  return Pricing(*description_, config, pass, network, assumptions).cost();
}

}  // namespace aero::cost
