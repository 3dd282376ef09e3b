#include "aero/config/notation.h"

#include "aero/config/presets.h"
#include "aero/config/suggest.h"
#include "aero/core/error.h"
#include "aero/core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace aero {
namespace {

/// The FFN's form, as "WNScFuFFN_i2" spells it out.
struct FfnPart {
  WeightForm form = WeightForm::plain;
  bool scaled = false;
  bool fused = false;
  std::int64_t pruned = 0;
  std::vector<std::int64_t> pruned_layers;
};

/// The attention, as in "SM(t)": how scores become weights, and what has a temperature.
struct AttentionPart {
  AttentionKind kind = AttentionKind::softmax;
  std::optional<TemperatureShape> temperature{};

  bool operator==(const AttentionPart&) const = default;
};

struct ShapePart {
  std::string_view letter;
  TemperatureShape shape;
};
constexpr std::array shape_parts{ShapePart{"t", TemperatureShape::position},
                                 ShapePart{"h", TemperatureShape::head}};

/// The choices that a name stands for.
struct Name {
  bool ereg = false;
  AttentionPart attention{};
  NormKind norm = NormKind::none;
  std::string_view activation;  ///< its letter: both forms of GELU are G
  FfnPart ffn;
};

struct FormPart {
  std::string_view text;
  WeightForm form;
};
constexpr std::array form_parts{FormPart{"WN", WeightForm::weight_norm},
                                FormPart{"SN", WeightForm::spectral_norm}};

constexpr std::string_view ereg_start = "EReg(";

/// Returns the letters of a table, each once.
template <class Kinds>
std::vector<std::string> letters(const Kinds& kinds) {
  std::vector<std::string> all;
  for (const auto& kind : kinds) {
    if (kind.letter.empty() || std::ranges::find(all, kind.letter) != all.end()) continue;
    all.emplace_back(kind.letter);
  }
  return all;
}

template <class Kinds, class Kind>
std::string_view letter_of(const Kinds& kinds, Kind kind) {
  return kinds[static_cast<std::size_t>(kind)].letter;
}

/// Lists words: "G, R, LR and Q".
std::string listed(const std::vector<std::string>& words, const std::string& last) {
  return fmt::format("{} {} {}", join({words.begin(), words.end() - 1}), last, words.back());
}

/// Joins words for a regular expression: "G|R|LR|Q".
std::string alternatives(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : "|") + word;
  return text;
}

std::string print(const AttentionPart& attention) {
  std::string text(letter_of(attention_kinds, attention.kind));
  for (const auto& [letter, shape] : shape_parts) {
    if (attention.temperature == shape) text.append("(").append(letter).append(")");
  }
  return text;
}

std::vector<AttentionPart> attention_parts() {
  std::vector<AttentionPart> parts;
  for (const auto& row : attention_kinds) {
    parts.push_back({row.kind});
    for (const ShapePart& part : shape_parts) parts.push_back({row.kind, part.shape});
  }
  return parts;
}

/// Writes "SNFuFFN_i[1,3]"; empty for a plain FFN in every block.
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
    return ffn.pruned == 0 ? text : fmt::format("{}_i{}", text, ffn.pruned);
  }
  text += "_i[";
  for (const std::int64_t layer : ffn.pruned_layers) {
    text += fmt::format("{}{}", text.back() == '[' ? "" : ",", layer);
  }
  return text + "]";
}

std::string print(const Name& name) {
  std::string text = print(name.attention);
  for (const std::string_view part : {letter_of(norm_kinds, name.norm), name.activation}) {
    if (!part.empty()) text.append("+").append(part);
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

/// Reads what follows "_i": "2" or "[1,3]".
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

/// Reads a form of the FFN, or returns nothing if the part is not one.
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
  for (const AttentionPart& one : attention_parts()) known.push_back(print(one));
  const auto norms = letters(norm_kinds);
  const auto activations = letters(activation_kinds);
  known.insert(known.end(), norms.begin(), norms.end());
  known.insert(known.end(), activations.begin(), activations.end());
  const std::string near = nearest(part, known);
  throw UsageError(fmt::format(
      "unknown part \"{}\"{}the parts are the attention {}, with (t) or (h) if it has a "
      "temperature, then {} or no norm, then {} or no activation, then the FFN's form as in "
      "ScFuFFN_i6; EReg(...) around the whole",
      part, near.empty() ? "; " : ", did you mean \"" + near + "\"? ",
      listed(letters(attention_kinds), "or"), join(norms), join(activations)));
}

/// Removes an "_i0", with which sweeps over pruned FFNs begin.
std::string without_none_pruned(std::string text) {
  const bool closed = text.ends_with(')');
  if (closed) text.pop_back();
  for (const auto& [written, meant] : {std::pair{"+FFN_i0", ""}, std::pair{"FFN_i0", "FFN"}}) {
    const std::string_view ending = written;
    if (text.ends_with(ending)) text.replace(text.size() - ending.size(), ending.size(), meant);
  }
  return closed ? text + ")" : text;
}

/// Reads the parts in any order, and then requires the canonical order.
Name parse(std::string_view text) {
  Name name;
  std::string_view inner = text;
  if (take(inner, ereg_start)) {
    if (std::ranges::count(inner, '(') >= std::ranges::count(inner, ')'))
      throw UsageError("lacks the \")\" that closes EReg(");
    if (inner.ends_with(')')) inner.remove_suffix(1);
    name.ereg = true;
  }
  const auto attentions = attention_parts();
  bool has_attention = false;
  bool has_ffn = false;
  for (const std::string& part : split(inner)) {
    const auto attention = std::ranges::find_if(
        attentions, [&](const AttentionPart& one) { return print(one) == part; });
    const auto norm = std::ranges::find(norm_kinds, part, &PartKind<NormKind>::letter);
    const auto activation =
        std::ranges::find(activation_kinds, part, &PartKind<ActivationKind>::letter);
    if (attention != attentions.end()) {
      if (has_attention) {
        throw UsageError("names the attention twice; keep one of " +
                         listed(letters(attention_kinds), "and"));
      }
      has_attention = true;
      name.attention = *attention;
    } else if (!part.empty() && norm != norm_kinds.end()) {
      if (name.norm != NormKind::none) throw UsageError("names two norms; keep one");
      name.norm = norm->kind;
    } else if (!part.empty() && activation != activation_kinds.end()) {
      if (!name.activation.empty()) {
        throw UsageError("names two activations; keep one of " +
                         listed(letters(activation_kinds), "and"));
      }
      name.activation = activation->letter;
    } else if (const auto ffn = parse_ffn(part)) {
      if (has_ffn) throw UsageError("names two forms of the FFN; keep one");
      has_ffn = true;
      name.ffn = *ffn;
    } else {
      fail_unknown_part(part);
    }
  }
  if (!has_attention)
    throw UsageError(fmt::format("lacks the attention; write \"{}\"", print(name)));
  if (print(name) != without_none_pruned(std::string(text)))
    throw UsageError(fmt::format("is not in the canonical form; write \"{}\"", print(name)));
  return name;
}

AttentionPart attention_part(const ModelConfig& config) {
  AttentionPart part{.kind = config.attention};
  if (config.temperature != TemperatureForm::none) part.temperature = config.temperature_shape;
  return part;
}

ActivationKind choose(std::string_view letter, Family family) {
  const ActivationKind first =
      std::ranges::find(activation_kinds, letter, &PartKind<ActivationKind>::letter)->kind;
  const ActivationKind gelu = family_gelu(family);
  return letter_of(activation_kinds, gelu) == letter ? gelu : first;
}

}  // namespace

void apply_architecture(std::string_view name, ModelConfig& config) {
  const Name parsed = parse(name);
  config.norm = parsed.norm;
  if (letter_of(activation_kinds, config.activation) != parsed.activation) {
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
                .activation = letter_of(activation_kinds, config.activation),
                .ffn = {config.ffn_form, config.ffn_scaled, config.ffn_fused, config.ffn_pruned,
                        config.ffn_pruned_layers}});
}

std::vector<std::string> architecture_names() {
  std::vector<std::string> names;
  for (const NormKind norm : {NormKind::layernorm, NormKind::rmsnorm, NormKind::none}) {
    for (const auto activation : {ActivationKind::gelu, ActivationKind::relu,
                                  ActivationKind::leaky_relu, ActivationKind::none}) {
      names.push_back(
          print({.norm = norm, .activation = letter_of(activation_kinds, activation), .ffn = {}}));
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

std::string architecture_pattern() {
  std::string shapes;
  for (const ShapePart& part : shape_parts) {
    shapes.append(shapes.empty() ? "" : "|").append(part.letter);
  }
  std::string forms;
  for (const FormPart& part : form_parts) {
    forms.append(forms.empty() ? "" : "|").append(part.text);
  }
  return R"(^(EReg\()?()" + alternatives(letters(attention_kinds)) + R"()(\(()" + shapes +
         R"()\))?(\+()" + alternatives(letters(norm_kinds)) + R"())?(\+()" +
         alternatives(letters(activation_kinds)) + R"())?(\+()" + forms +
         R"()?(Sc)?(Fu)?FFN(_i([0-9]+|\[[0-9]+(,[0-9]+)*\]))?)?\)?$)";
}

}  // namespace aero
