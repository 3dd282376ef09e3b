#include "aero/config/documentation.h"

#include "aero/config/fields.h"
#include "aero/config/json_value.h"
#include "aero/config/run_config.h"
#include "aero/config/suggest.h"
#include "aero/core/error.h"
#include "aero/core/text.h"

namespace aero {
namespace {

constexpr std::string_view beginning = R"(# The config

<!-- Written by config_markdown() from the field descriptions; edit those. -->

A run is one JSON file. It may hold comments (`//` and `/* */`) and trailing commas; every key has
a default, so a config gives only the keys that differ:

```jsonc
{
  "extends": "base.json",              // relative to this file
  "model": {"preset": "gpt2-12l", "architecture": "SM+R", "final_norm": false},
  "data": {"path": "corpus"},
  "train": {"duration": "20Mt", "batch_size": 64},
  "schedule": {"warmup": "5%"},
}
```

**Precedence.** Default, then the file that `extends` names (which may extend another), then the
file, then `--set section.key=value` on the command line. Each of these layers is applied in the
order `preset`, `family`, `architecture`, other keys. Within one layer, a key that contradicts the
architecture is a fault; in a later layer it overrides it.

**Architecture.** The papers' names say what a model keeps, in this order:

| part | meaning |
|---|---|
)";

/// The text after the table's rows for attention, norm and activation.
constexpr std::string_view forms_and_faults =
    R"(| `FFN` | the FFN's form, unless it is plain: `WN` or `SN` before it for weight or spectral normalisation, `Sc` for scaled, `Fu` for fused, as in `ScFuFFN` |
| `_i<k>` | the k deepest FFNs are pruned, as in `ScFuFFN_i6` (`_i0`: none); `_i[1,3]`: those of layers 1 and 3, counted from 0 |
| `EReg(...)` | around the whole: entropy regularisation |

`SM+LN+G` is the baseline, `SM` the model whose blocks have softmax as their only nonlinearity,
`EReg(SM(t)+ScFuFFN_i6)` the model that the whole method leads to. The name says nothing of the norm before the head:
`final_norm` does. Every part works with the families gpt2 and pythia; under pythia's parallel residual
ScFFN is beta (x + attention(x)) + FFN(x) / alpha. The family simplified always has the scalars of its
own block in place of alpha and beta, so its names hold `Sc`, and has no V and O matrices to normalise.

**Durations.** `"1000"` or `1000` steps, `"20Mt"` tokens, `"1.5e"` epochs and, where a share makes
sense, `"5%"` of the run. `k`, `M` and `G` stand for 10^3, 10^6 and 10^9 before steps and tokens.

**Faults.** Unknown keys, wrong types, values out of range and impossible combinations are
reported all at once, each with its file, path and value, and training does not start. The
effective config, every key with its value, is saved in the run folder and trains the same model
again.

**Editors.** `"$schema": "schema.json"` in a config (the path to `configs/schema.json`) gives
completion and checks as one types.
)";

/// Writes "| `G`, `R` | the FFN's `activation`, if it has one: gelu or gelu_tanh, relu |".
template <class Kinds>
std::string letters_row(const Kinds& kinds, const std::string& what) {
  std::string letters;
  std::string names;
  std::string_view last;
  for (const auto& kind : kinds) {
    if (kind.letter.empty()) continue;
    const bool shares = kind.letter == last;
    if (!shares) letters += (letters.empty() ? "`" : ", `") + std::string(kind.letter) + "`";
    names.append(names.empty() ? "" : shares ? " or " : ", ").append(kind.name);
    last = kind.letter;
  }
  return fmt::format("| {} | {}: {} |\n", letters, what, names);
}

std::string introduction() {
  return std::string(beginning) + letters_row(attention_kinds, "the `attention`") +
         "| `(t)`, `(h)` | follow the attention, as in `SM(t)`: a learned temperature for each "
         "head and query position, or for each head |\n" +
         letters_row(norm_kinds, "the `norm` of the blocks, if they have one") +
         letters_row(activation_kinds, "the FFN's `activation`, if it has one") +
         std::string(forms_and_faults);
}

std::string title(const Section& section) {
  return section.path.empty() ? "Top level" : "`" + section.path + "`";
}

std::string code(const std::string& text) {
  return text.empty() ? "" : "`" + text + "`";
}

std::string row(const Field& field) {
  return fmt::format("| `{}` | {} | {} | {} | {} |\n", field.key(), field.type_text(),
                     code(field.value_text()), field.choices_text(), field.doc);
}

std::string chapter(const Section& section) {
  std::string text = fmt::format(
      "\n## {}\n\n{}\n\n| key | type | default | range or choices | meaning |\n"
      "|---|---|---|---|---|\n",
      title(section), section.doc);
  for (const Field& field : section.fields) text += row(field);
  return text;
}

/// "model.n_layer (integer, at least 1; default 12)"
std::string help_head(const Field& field) {
  const std::string choices = field.choices_text();
  const std::string standard = field.value_text();
  return fmt::format("{} ({}{}{})", field.path, field.type_text(),
                     choices.empty() ? "" : ", " + choices,
                     standard.empty() ? "" : "; default " + standard);
}

/// Whether `name` stands for the field, or for a section around it.
bool means(const std::string& name, const Field& field) {
  return name.empty() || name == field.path || name == field.key() ||
         field.path.starts_with(name + ".");
}

}  // namespace

std::string config_markdown() {
  RunConfig defaults;
  std::string text = introduction();
  for (const Section& section : describe(defaults)) text += chapter(section);
  return text;
}

std::vector<KeyHelp> config_help(const std::string& name) {
  RunConfig defaults;
  std::vector<KeyHelp> help;
  std::vector<std::string> known;
  for (const Section& section : describe(defaults)) {
    known.push_back(section.path);
    for (const Field& field : section.fields) {
      known.push_back(field.path);
      known.push_back(field.key());
      if (means(name, field)) help.push_back({help_head(field), field.doc});
    }
  }
  if (!help.empty()) return help;
  const auto near = nearest(name, known);
  throw UsageError(fmt::format(
      "{} is not a key or section of the config{}", quoted(name),
      near.empty() ? "; `aero config help` lists them all" : ", did you mean \"" + near + "\"?"));
}

}  // namespace aero
