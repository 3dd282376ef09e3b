#include "aero/config/enum_names.h"

namespace aero {
namespace {

template <class Kinds>
std::vector<std::string> names_of(const Kinds& kinds) {
  std::vector<std::string> names;
  for (const auto& kind : kinds) names.emplace_back(kind.name);
  return names;
}

}  // namespace

template <>
const std::vector<std::string>& enum_names<Family>() {
  static const std::vector<std::string> names{"gpt2", "pythia", "simplified"};
  return names;
}

template <>
const std::vector<std::string>& enum_names<NormKind>() {
  static const std::vector<std::string> names = names_of(norm_kinds);
  return names;
}

template <>
const std::vector<std::string>& enum_names<ActivationKind>() {
  static const std::vector<std::string> names = names_of(activation_kinds);
  return names;
}

template <>
const std::vector<std::string>& enum_names<LeakySlope>() {
  static const std::vector<std::string> names{"fixed", "layer", "model"};
  return names;
}

template <>
const std::vector<std::string>& enum_names<BiasSet>() {
  static const std::vector<std::string> names{"all", "none", "qk"};
  return names;
}

template <>
const std::vector<std::string>& enum_names<WeightForm>() {
  static const std::vector<std::string> names{"plain", "weight_norm", "spectral_norm"};
  return names;
}

template <>
const std::vector<std::string>& enum_names<TemperatureForm>() {
  static const std::vector<std::string> names{"none", "raw", "exp", "softplus"};
  return names;
}

template <>
const std::vector<std::string>& enum_names<TemperatureShape>() {
  static const std::vector<std::string> names{"position", "head"};
  return names;
}

template <>
const std::vector<std::string>& enum_names<AttentionKind>() {
  static const std::vector<std::string> names = names_of(attention_kinds);
  return names;
}

template <>
const std::vector<std::string>& enum_names<EntropyReduction>() {
  static const std::vector<std::string> names{"mean", "row_sum"};
  return names;
}

template <>
const std::vector<std::string>& enum_names<InitRule>() {
  static const std::vector<std::string> names{"fixed", "width"};
  return names;
}

template <>
const std::vector<std::string>& enum_names<DataFormat>() {
  static const std::vector<std::string> names{"auto", "aero", "nanogpt", "llmc"};
  return names;
}

template <>
const std::vector<std::string>& enum_names<Precision>() {
  static const std::vector<std::string> names{"float32", "bfloat16", "float16"};
  return names;
}

template <>
const std::vector<std::string>& enum_names<GradientSum>() {
  static const std::vector<std::string> names{"float32", "bfloat16"};
  return names;
}

template <>
const std::vector<std::string>& enum_names<OnNonfinite>() {
  static const std::vector<std::string> names{"stop", "skip", "rewind"};
  return names;
}

template <>
const std::vector<std::string>& enum_names<OptimizerKind>() {
  static const std::vector<std::string> names{"adamw", "adam"};
  return names;
}

template <>
const std::vector<std::string>& enum_names<ScheduleKind>() {
  static const std::vector<std::string> names{"linear", "cosine", "constant"};
  return names;
}

}  // namespace aero
