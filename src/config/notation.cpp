#include "aero/config/notation.h"

#include "aero/config/presets.h"
#include "aero/core/error.h"

#include "suggest.h"
#include <algorithm>
#include <array>

namespace aero {
namespace {

enum class Activation { none, gelu, relu, leaky_relu };

/// What a name says: softmax is always there.
struct Name {
  NormKind norm = NormKind::none;
  Activation activation = Activation::none;
};

struct NormPart {
  std::string_view text;
  NormKind kind;
};
constexpr std::array norm_parts{NormPart{"LN", NormKind::layernorm},
                                NormPart{"RMS", NormKind::rmsnorm}};

struct ActivationPart {
  std::string_view text;
  Activation kind;
};
constexpr std::array activation_parts{ActivationPart{"G", Activation::gelu},
                                      ActivationPart{"R", Activation::relu},
                                      ActivationPart{"LR", Activation::leaky_relu}};

std::string print(const Name& name) {
  std::string text = "SM";
  for (const NormPart& part : norm_parts) {
    if (part.kind == name.norm) text.append("+").append(part.text);
  }
  for (const ActivationPart& part : activation_parts) {
    if (part.kind == name.activation) text.append("+").append(part.text);
  }
  return text;
}

/// Cuts at each "+" outside parentheses.
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    depth += (c == '(') - (c == ')');
    if (c == '+' && depth <= 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

[[noreturn]] void fail_unknown_part(const std::string& part) {
  const std::vector<std::string> known{"SM", "LN", "RMS", "G", "R", "LR"};
  const std::string near = nearest(part, known);
  throw UsageError("unknown part \"" + part + "\"" +
                   (near.empty() ? "; " : ", did you mean \"" + near + "\"? ") +
                   "the parts are SM, then LN or RMS or neither, then G, R, LR or none, as in "
                   "\"SM+LN+G\"");
}

/// Reads the parts in any order; the caller compares with the canonical print.
Name parse(std::string_view text) {
  Name name;
  bool softmax = false;
  for (const std::string& part : split(text)) {
    const auto norm = std::ranges::find(norm_parts, part, &NormPart::text);
    const auto activation = std::ranges::find(activation_parts, part, &ActivationPart::text);
    if (part == "SM") {
      if (softmax) throw UsageError("names SM twice");
      softmax = true;
    } else if (norm != norm_parts.end()) {
      if (name.norm != NormKind::none) throw UsageError("names two norms; keep one of LN and RMS");
      name.norm = norm->kind;
    } else if (activation != activation_parts.end()) {
      if (name.activation != Activation::none) {
        throw UsageError("names two activations; keep one of G, R and LR");
      }
      name.activation = activation->kind;
    } else {
      fail_unknown_part(part);
    }
  }
  if (!softmax) throw UsageError("lacks the attention; write \"" + print(name) + "\"");
  if (print(name) != text) throw UsageError("parts out of order; write \"" + print(name) + "\"");
  return name;
}

Activation kind_of(ActivationKind activation) {
  switch (activation) {
    case ActivationKind::gelu:
    case ActivationKind::gelu_tanh:
      return Activation::gelu;
    case ActivationKind::relu:
      return Activation::relu;
    case ActivationKind::leaky_relu:
      return Activation::leaky_relu;
    case ActivationKind::none:
      return Activation::none;
  }
  throw Error("an activation of an unknown kind");
}

ActivationKind choose(Activation activation, Family family) {
  switch (activation) {
    case Activation::gelu:
      return family_gelu(family);
    case Activation::relu:
      return ActivationKind::relu;
    case Activation::leaky_relu:
      return ActivationKind::leaky_relu;
    case Activation::none:
      return ActivationKind::none;
  }
  throw Error("an activation of an unknown kind");
}

}  // namespace

void apply_architecture(std::string_view name, ModelConfig& config) {
  const Name parsed = parse(name);
  config.norm = parsed.norm;
  if (kind_of(config.activation) != parsed.activation) {
    config.activation = choose(parsed.activation, config.family);
  }
}

std::string architecture_name(const ModelConfig& config) {
  return print({config.norm, kind_of(config.activation)});
}

std::vector<std::string> architecture_names() {
  std::vector<std::string> names;
  for (const NormKind norm : {NormKind::layernorm, NormKind::rmsnorm, NormKind::none}) {
    for (const Activation activation :
         {Activation::gelu, Activation::relu, Activation::leaky_relu, Activation::none}) {
      names.push_back(print({norm, activation}));
    }
  }
  return names;
}

}  // namespace aero
