#include "aero/config/notation.h"

#include "aero/config/presets.h"
#include "aero/config/suggest.h"
#include "aero/core/error.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace aero {
namespace {

enum class Activation { none, gelu, relu, leaky_relu, quadratic };

/// The FFN's form: "WNScFuFFN_i2" says them all.
struct FfnPart {
  WeightForm form = WeightForm::plain;
  bool scaled = false;
  bool fused = false;
  std::int64_t pruned = 0;
  std::vector<std::int64_t> pruned_layers;
};

/// "SM(t)": what makes the weights, and who has a temperature.
struct AttentionPart {
  std::string_view text;
  AttentionKind kind = AttentionKind::softmax;
  std::optional<TemperatureShape> temperature{};

  bool says_the_same(const AttentionPart& other) const {
    return kind == other.kind && temperature == other.temperature;
  }
};
constexpr std::array attention_parts{
    AttentionPart{"SM", AttentionKind::softmax},
    AttentionPart{"SM(t)", AttentionKind::softmax, TemperatureShape::position},
    AttentionPart{"SM(h)", AttentionKind::softmax, TemperatureShape::head},
    AttentionPart{"2Q", AttentionKind::two_quad},
    AttentionPart{"2Q(t)", AttentionKind::two_quad, TemperatureShape::position},
    AttentionPart{"2Q(h)", AttentionKind::two_quad, TemperatureShape::head},
    AttentionPart{"RA", AttentionKind::relu},
    AttentionPart{"RA(t)", AttentionKind::relu, TemperatureShape::position},
    AttentionPart{"RA(h)", AttentionKind::relu, TemperatureShape::head}};

/// What a name says.
struct Name {
  bool ereg = false;
  AttentionPart attention{};
  NormKind norm = NormKind::none;
  Activation activation = Activation::none;
  FfnPart ffn;
};

struct NormPart {
  std::string_view text;
  NormKind kind;
};
constexpr std::array norm_parts{NormPart{"LN", NormKind::layernorm},
                                NormPart{"RMS", NormKind::rmsnorm},
                                NormPart{"LNf", NormKind::layernorm_fixed}};

struct ActivationPart {
  std::string_view text;
  Activation kind;
};
constexpr std::array activation_parts{
    ActivationPart{"G", Activation::gelu}, ActivationPart{"R", Activation::relu},
    ActivationPart{"LR", Activation::leaky_relu}, ActivationPart{"Q", Activation::quadratic}};

struct FormPart {
  std::string_view text;
  WeightForm form;
};
constexpr std::array form_parts{FormPart{"WN", WeightForm::weight_norm},
                                FormPart{"SN", WeightForm::spectral_norm}};

constexpr std::string_view ereg_start = "EReg(";

/// "SNFuFFN_i[1,3]"; empty for a plain FFN in every block.
std::string print(const FfnPart& ffn) {
  std::string text;
  for (const FormPart& part : form_parts) {
    if (part.form == ffn.form) text.append(part.text);
  }
  if (ffn.scaled) text += "Sc";
  if (ffn.fused) text += "Fu";
  if (text.empty() && ffn.pruned == 0 && ffn.pruned_layers.empty()) return text;
  text += "FFN";
  if (ffn.pruned_layers.empty()) {
    return ffn.pruned == 0 ? text : text + "_i" + std::to_string(ffn.pruned);
  }
  text += "_i[";
  for (const std::int64_t layer : ffn.pruned_layers) {
    text += (text.back() == '[' ? "" : ",") + std::to_string(layer);
  }
  return text + "]";
}

std::string print(const Name& name) {
  std::string text;
  for (const AttentionPart& part : attention_parts) {
    if (part.says_the_same(name.attention)) text = part.text;
  }
  for (const NormPart& part : norm_parts) {
    if (part.kind == name.norm) text.append("+").append(part.text);
  }
  for (const ActivationPart& part : activation_parts) {
    if (part.kind == name.activation) text.append("+").append(part.text);
  }
  if (const std::string ffn = print(name.ffn); !ffn.empty()) text += "+" + ffn;
  return name.ereg ? std::string(ereg_start) + text + ")" : text;
}

/// Cuts at each "+".
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == '+') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool take(std::string_view& text, std::string_view start) {
  if (!text.starts_with(start)) return false;
  text.remove_prefix(start.size());
  return true;
}

std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// "2" or "[1,3]", what follows "_i".
bool take_pruned(std::string_view& text, FfnPart& ffn) {
  if (!take(text, "[")) {
    const auto count = take_number(text);
    ffn.pruned = count.value_or(0);
    return count.has_value();
  }
  do {
    const auto layer = take_number(text);
    if (!layer) return false;
    ffn.pruned_layers.push_back(*layer);
  } while (take(text, ","));
  return take(text, "]");
}

/// Nothing where the part is no FFN's.
std::optional<FfnPart> parse_ffn(std::string_view text) {
  FfnPart ffn;
  for (const FormPart& part : form_parts) {
    if (take(text, part.text)) ffn.form = part.form;
  }
  ffn.scaled = take(text, "Sc");
  ffn.fused = take(text, "Fu");
  if (!take(text, "FFN")) return std::nullopt;
  if (take(text, "_i") && !take_pruned(text, ffn)) return std::nullopt;
  if (!text.empty()) return std::nullopt;
  return ffn;
}

[[noreturn]] void fail_unknown_part(const std::string& part) {
  std::vector<std::string> known{"FFN", "WNFFN", "SNFFN", "ScFFN", "ScFuFFN", "FuFFN", "EReg"};
  for (const AttentionPart& one : attention_parts) known.emplace_back(one.text);
  for (const NormPart& one : norm_parts) known.emplace_back(one.text);
  for (const ActivationPart& one : activation_parts) known.emplace_back(one.text);
  const std::string near = nearest(part, known);
  throw UsageError("unknown part \"" + part + "\"" +
                   (near.empty() ? "; " : ", did you mean \"" + near + "\"? ") +
                   "the parts are the attention SM, 2Q or RA, with (t) or (h) where it has a "
                   "temperature, then LN, RMS, LNf or no norm, then G, R, LR, Q or no activation, "
                   "then the FFN's form as in ScFuFFN_i6; EReg(...) around the whole");
}

/// `text` without an "_i0", which sweeps over the pruned FFNs start at.
std::string without_none_pruned(std::string text) {
  const bool closed = text.ends_with(')');
  if (closed) text.pop_back();
  for (const auto& [written, meant] : {std::pair{"+FFN_i0", ""}, std::pair{"FFN_i0", "FFN"}}) {
    const std::string_view ending = written;
    if (text.ends_with(ending)) text.replace(text.size() - ending.size(), ending.size(), meant);
  }
  return closed ? text + ")" : text;
}

/// Reads the parts in any order, then wants them in the canonical one.
Name parse(std::string_view text) {
  Name name;
  std::string_view inner = text;
  if (take(inner, ereg_start)) {
    if (std::ranges::count(inner, '(') >= std::ranges::count(inner, ')'))
      throw UsageError("lacks the \")\" that closes EReg(");
    if (inner.ends_with(')')) inner.remove_suffix(1);
    name.ereg = true;
  }
  bool has_attention = false;
  bool has_ffn = false;
  for (const std::string& part : split(inner)) {
    const auto attention = std::ranges::find(attention_parts, part, &AttentionPart::text);
    const auto norm = std::ranges::find(norm_parts, part, &NormPart::text);
    const auto activation = std::ranges::find(activation_parts, part, &ActivationPart::text);
    if (attention != attention_parts.end()) {
      if (has_attention) throw UsageError("names the attention twice; keep one of SM, 2Q and RA");
      has_attention = true;
      name.attention = *attention;
    } else if (norm != norm_parts.end()) {
      if (name.norm != NormKind::none) throw UsageError("names two norms; keep one");
      name.norm = norm->kind;
    } else if (activation != activation_parts.end()) {
      if (name.activation != Activation::none) {
        throw UsageError("names two activations; keep one of G, R, LR and Q");
      }
      name.activation = activation->kind;
    } else if (const auto ffn = parse_ffn(part)) {
      if (has_ffn) throw UsageError("names two forms of the FFN; keep one");
      has_ffn = true;
      name.ffn = *ffn;
    } else {
      fail_unknown_part(part);
    }
  }
  if (!has_attention) throw UsageError("lacks the attention; write \"" + print(name) + "\"");
  if (print(name) != without_none_pruned(std::string(text)))
    throw UsageError("is not in the canonical form; write \"" + print(name) + "\"");
  return name;
}

AttentionPart attention_part(const ModelConfig& config) {
  AttentionPart part{.text = {}, .kind = config.attention};
  if (config.temperature != TemperatureForm::none) part.temperature = config.temperature_shape;
  return part;
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
    case ActivationKind::quadratic:
      return Activation::quadratic;
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
    case Activation::quadratic:
      return ActivationKind::quadratic;
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
  config.attention = parsed.attention.kind;
  config.temperature_shape = parsed.attention.temperature.value_or(config.temperature_shape);
  if (!parsed.attention.temperature) {
    config.temperature = TemperatureForm::none;
  } else if (config.temperature == TemperatureForm::none) {
    config.temperature = TemperatureForm::exp;
  }
  config.ffn_form = parsed.ffn.form;
  config.ffn_scaled = parsed.ffn.scaled;
  config.ffn_fused = parsed.ffn.fused;
  config.ffn_pruned = parsed.ffn.pruned;
  config.ffn_pruned_layers = parsed.ffn.pruned_layers;
  config.ereg.enabled = parsed.ereg;
}

std::string architecture_name(const ModelConfig& config) {
  return print({.ereg = config.ereg.enabled,
                .attention = attention_part(config),
                .norm = config.norm,
                .activation = kind_of(config.activation),
                .ffn = {config.ffn_form, config.ffn_scaled, config.ffn_fused, config.ffn_pruned,
                        config.ffn_pruned_layers}});
}

std::vector<std::string> architecture_names() {
  std::vector<std::string> names;
  for (const NormKind norm : {NormKind::layernorm, NormKind::rmsnorm, NormKind::none}) {
    for (const Activation activation :
         {Activation::gelu, Activation::relu, Activation::leaky_relu, Activation::none}) {
      names.push_back(print({.norm = norm, .activation = activation, .ffn = {}}));
    }
  }
  for (const char* name :
       {"SM+LNf+G", "SM+LN+Q", "2Q+LN+G", "2Q+LN+Q", "RA+LN+G", "SM(h)+ScFuFFN", "SM+WNFFN",
        "SM+SNFFN", "SM+ScFFN", "SM+ScFuFFN", "SM+ScFuFFN_i1", "SM(t)+ScFuFFN", "EReg(SM+ScFuFFN)",
        "EReg(SM(t)+ScFuFFN)", "EReg(SM(t)+ScFuFFN_i1)"}) {
    names.emplace_back(name);
  }
  return names;
}

}  // namespace aero
