#pragma once

#include "aero/config/model_config.h"
#include "aero/config/run_config.h"

#include <string>
#include <vector>

namespace aero {

/// Returns the names of an enum's values in the config language, in the order of the values.
template <class Enum>
const std::vector<std::string>& enum_names();

template <>
const std::vector<std::string>& enum_names<Family>();
template <>
const std::vector<std::string>& enum_names<NormKind>();
template <>
const std::vector<std::string>& enum_names<ActivationKind>();
template <>
const std::vector<std::string>& enum_names<LeakySlope>();
template <>
const std::vector<std::string>& enum_names<BiasSet>();
template <>
const std::vector<std::string>& enum_names<WeightForm>();
template <>
const std::vector<std::string>& enum_names<TemperatureForm>();
template <>
const std::vector<std::string>& enum_names<TemperatureShape>();
template <>
const std::vector<std::string>& enum_names<AttentionKind>();
template <>
const std::vector<std::string>& enum_names<EntropyReduction>();
template <>
const std::vector<std::string>& enum_names<InitRule>();
template <>
const std::vector<std::string>& enum_names<DataFormat>();
template <>
const std::vector<std::string>& enum_names<Precision>();
template <>
const std::vector<std::string>& enum_names<GradientSum>();
template <>
const std::vector<std::string>& enum_names<OnNonfinite>();
template <>
const std::vector<std::string>& enum_names<OptimizerKind>();
template <>
const std::vector<std::string>& enum_names<ScheduleKind>();

/// Returns the name of one value: enum_name(Family::gpt2) is "gpt2".
template <class Enum>
const std::string& enum_name(Enum value) {
  return enum_names<Enum>().at(static_cast<std::size_t>(value));
}

}  // namespace aero
