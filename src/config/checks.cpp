#include "aero/config/checks.h"

#include "aero/config/enum_names.h"
#include "aero/config/fields.h"
#include "aero/config/json_value.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace aero {
namespace {

using Findings = std::vector<Finding>;

std::string text(std::int64_t value) {
  return std::to_string(value);
}

void check_heads(const ModelConfig& m, Findings& findings) {
  if (m.d_model % m.n_head == 0) return;
  findings.push_back(
      {{"model.n_head", "model.d_model"},
       text(m.n_head),
       fmt::format("does not divide model.d_model = {}; choose d_model as a multiple of n_head",
                   m.d_model)});
}

void check_ffn(const ModelConfig& m, Findings& findings) {
  if (m.ffn_fused && m.activation != ActivationKind::none) {
    findings.push_back({{"model.ffn_fused", "model.architecture", "model.activation"},
                        "true",
                        "an FFN with an activation between its matrices cannot be one matrix; set "
                        "model.activation to none, or do not fuse"});
  }
  if (m.ffn_fused && m.d_ffn != 0) {
    findings.push_back({{"model.d_ffn", "model.ffn_fused", "model.architecture"},
                        text(m.d_ffn),
                        "a fused FFN is one d x d matrix and has no inner width; set d_ffn to 0"});
  }
  if (m.ffn_pruned > m.n_layer) {
    findings.push_back(
        {{"model.ffn_pruned", "model.architecture", "model.n_layer"},
         text(m.ffn_pruned),
         fmt::format("more FFNs than model.n_layer = {}; prune at most that many", m.n_layer)});
  }
  if (m.ffn_pruned_layers.empty()) return;
  if (m.ffn_pruned > 0) {
    findings.push_back(
        {{"model.ffn_pruned_layers", "model.ffn_pruned"},
         text(m.ffn_pruned_layers.front()) + ", ...",
         fmt::format("stands beside model.ffn_pruned = {}; list all pruned layers here "
                     "and set ffn_pruned to 0",
                     m.ffn_pruned)});
  }
  if (m.ffn_pruned_layers.back() >= m.n_layer) {
    findings.push_back(
        {{"model.ffn_pruned_layers", "model.architecture", "model.n_layer"},
         text(m.ffn_pruned_layers.back()),
         fmt::format("no such layer; model.n_layer = {}, and layers are counted from 0",
                     m.n_layer)});
  }
}

void check_temperature(const ModelConfig& m, Findings& findings) {
  const bool positive =
      m.temperature == TemperatureForm::exp || m.temperature == TemperatureForm::softplus;
  if (positive && m.temperature_init <= 0) {
    findings.push_back({{"model.temperature_init", "model.temperature"},
                        number_text(m.temperature_init),
                        "a temperature that is kept positive must begin above 0"});
  }
  if (m.temperature == TemperatureForm::raw && m.temperature_init == 0) {
    findings.push_back({{"model.temperature_init", "model.temperature"},
                        "0",
                        "the scores are divided by it; begin with another value"});
  }
}

void check_simplified(const ModelConfig& m, Findings& findings) {
  if (m.family != Family::simplified) return;
  if (!m.ffn_scaled) {
    findings.push_back({{"model.ffn_scaled", "model.architecture", "model.family"},
                        "false",
                        "the block of the family simplified always scales its FFN; write ScFFN or "
                        "ScFuFFN in the architecture"});
  }
  if (m.biases == BiasSet::all) {
    findings.push_back(
        {{"model.biases", "model.family"},
         quoted("all"),
         "the block of the family simplified has no output projection to bias; write qk or none"});
  }
  for (const auto& [key, form] : {std::pair{"model.qk_form", m.qk_form},
                                  {"model.v_form", m.v_form},
                                  {"model.o_form", m.o_form}}) {
    if (form == WeightForm::plain) continue;
    findings.push_back({{key, "model.family"},
                        quoted(enum_name(form)),
                        "in the family simplified, W_Q begins at 0 and cannot be normalised, and V "
                        "and O have no matrices; write plain"});
  }
  if (m.norm == NormKind::layernorm_fixed) {
    findings.push_back({{"model.norm", "model.architecture", "model.family"},
                        quoted(enum_name(m.norm)),
                        "in the family simplified, values are the norm's output, and no matrix "
                        "follows into which a fixed norm could fold; write layernorm"});
  }
  if (m.dropout_attention > 0) {
    findings.push_back({{"model.dropout.attention", "model.family"},
                        number_text(m.dropout_attention),
                        "the family simplified has no attention dropout; set it to 0"});
  }
}

/// Dropout on the probabilities needs PyTorch's own attention, which supports neither entropy nor
/// temperature.
void check_attention_dropout(const ModelConfig& m, Findings& findings) {
  if (m.dropout_attention == 0) return;
  if (!m.ereg.enabled && m.temperature == TemperatureForm::none &&
      m.attention == AttentionKind::softmax) {
    return;
  }
  findings.push_back({{"model.dropout.attention", "model.architecture"},
                      number_text(m.dropout_attention),
                      "attention dropout works only with softmax without temperature, and not with "
                      "EReg; set it to 0"});
}

void check_substitutes(const ModelConfig& m, Findings& findings) {
  if (m.ereg.enabled && m.attention == AttentionKind::relu) {
    findings.push_back({{"model.attention", "model.architecture", "model.ereg.enabled"},
                        quoted("relu"),
                        "the weights of ReLU attention do not sum to 1, so they have no entropy to "
                        "regularise; write softmax or two_quad, or drop EReg"});
  }
  if (m.norm_fixed.start > m.norm_fixed.end) {
    findings.push_back(
        {{"model.norm_fixed.start", "model.norm_fixed.end"},
         number_text(m.norm_fixed.start),
         fmt::format("after model.norm_fixed.end = {}; let the passage begin before it ends",
                     number_text(m.norm_fixed.end))});
  }
}

void check_positions(const ModelConfig& m, Findings& findings) {
  if (m.family == Family::pythia && m.positions != 0) {
    findings.push_back({{"model.positions", "model.family"},
                        text(m.positions),
                        "the family pythia has rotary embedding and no position table; remove this "
                        "key or set it to 0"});
  }
  if (m.family != Family::pythia && m.position_rows() < m.context) {
    findings.push_back(
        {{"model.positions", "model.context"},
         text(m.positions),
         fmt::format("fewer rows than model.context = {0}; set positions to 0 for as "
                     "many as context, or to at least {0}",
                     m.context)});
  }
}

void check_rotary(const ModelConfig& m, Findings& findings) {
  if (m.family != Family::pythia || m.d_model % m.n_head != 0) return;
  const auto turned =
      static_cast<std::int64_t>(static_cast<double>(m.d_head()) * m.rotary_fraction);
  if (turned >= 2 && turned % 2 == 0) return;
  findings.push_back(
      {{"model.rotary_fraction", "model.d_model", "model.n_head", "model.family"},
       number_text(m.rotary_fraction),
       fmt::format(
           "turns {} of the {} dimensions of a head (model.d_model = {} / model.n_head = {}), "
           "but they turn in pairs; choose a fraction that turns an even number of at least 2",
           turned, m.d_head(), m.d_model, m.n_head)});
}

/// "auto", "cpu", "cuda", "cuda:0"
bool is_device(std::string_view device) {
  if (device == "auto" || device == "cpu" || device == "cuda") return true;
  constexpr std::string_view prefix = "cuda:";
  if (!device.starts_with(prefix)) return false;
  device.remove_prefix(prefix.size());
  return !device.empty() && device.size() <= 3 &&
         std::ranges::all_of(device, [](char c) { return c >= '0' && c <= '9'; });
}

void check_device(const TrainConfig& train, Findings& findings) {
  if (is_device(train.device)) return;
  findings.push_back(
      {{"train.device"}, quoted(train.device), "unknown device; write auto, cpu, cuda or cuda:N"});
}

bool is_counted(const Duration& duration) {
  return duration.unit == DurationUnit::steps || duration.unit == DurationUnit::tokens;
}

/// Whether `a` is longer; false if the two cannot be compared without the corpus.
bool is_longer(const Duration& a, const Duration& b, const RunConfig& config) {
  if (a.unit == b.unit) return a.amount > b.amount;
  if (!is_counted(a) || !is_counted(b)) return false;
  const RunLength length{.tokens_per_step = config.tokens_per_step()};
  return to_steps(a, length) > to_steps(b, length);
}

/// Positions in the data are counted in 64 bits.
void check_tokens(const RunConfig& c, Findings& findings) {
  if (c.train.duration.unit != DurationUnit::steps) return;
  const auto steps = static_cast<std::int64_t>(c.train.duration.amount);
  if (product({steps, c.train.batch_size, c.train.accumulation, c.model.context})) return;
  findings.push_back(
      {{"train.duration", "train.batch_size", "train.accumulation", "model.context"},
       quoted(to_string(c.train.duration)),
       fmt::format("this many steps of train.batch_size x train.accumulation x model.context = {} "
                   "tokens have more tokens than can be counted; shorten it",
                   c.tokens_per_step())});
}

void check_schedule(const RunConfig& c, Findings& findings) {
  if (is_longer(c.schedule.warmup, c.train.duration, c)) {
    findings.push_back(
        {{"schedule.warmup", "train.duration"},
         quoted(to_string(c.schedule.warmup)),
         fmt::format("longer than the training, train.duration = \"{}\"; shorten it, or "
                     "give a share as \"5%\"",
                     to_string(c.train.duration))});
  }
  if (c.schedule.name != ScheduleKind::constant && c.schedule.final_lr > c.optimizer.lr) {
    findings.push_back({{"schedule.final_lr", "optimizer.lr"},
                        number_text(c.schedule.final_lr),
                        fmt::format("above optimizer.lr = {}, where the schedule begins; lower it",
                                    number_text(c.optimizer.lr))});
  }
}

/// Finds values out of range, which a file or the command line cannot give, but a program can.
std::vector<Finding> check_ranges(const std::vector<Section>& sections) {
  std::vector<Finding> findings;
  const auto check = [&](const Field& field, double value, const std::string& shown) {
    if (field.range.contains(value)) return;
    const std::string range = field.range.text();
    findings.push_back(
        {{field.path}, shown, "must be " + (range.empty() ? "a finite number" : range)});
  };
  for (const Section& section : sections) {
    for (const Field& field : section.fields) {
      if (const auto* integer = std::get_if<std::int64_t*>(&field.value)) {
        check(field, static_cast<double>(**integer), field.value_text());
      } else if (const auto* number = std::get_if<double*>(&field.value)) {
        check(field, **number, field.value_text());
      } else if (const auto* duration = std::get_if<Duration*>(&field.value)) {
        check(field, (*duration)->amount, quoted(field.value_text()));
      }
    }
  }
  return findings;
}

}  // namespace

std::vector<Finding> check_combinations(const ModelConfig& model) {
  Findings findings;
  check_heads(model, findings);
  check_positions(model, findings);
  check_rotary(model, findings);
  check_ffn(model, findings);
  check_temperature(model, findings);
  check_simplified(model, findings);
  check_attention_dropout(model, findings);
  check_substitutes(model, findings);
  return findings;
}

std::vector<Finding> check_combinations(const RunConfig& config) {
  Findings findings = check_combinations(config.model);
  check_device(config.train, findings);
  check_tokens(config, findings);
  check_schedule(config, findings);
  return findings;
}

std::vector<std::string> find_faults(const RunConfig& config) {
  RunConfig copy = config;
  std::vector<Finding> findings = check_ranges(describe(copy));
  // A value out of range makes no sense in a combination, and n_head = 0 would divide by zero.
  if (findings.empty()) findings = check_combinations(config);
  std::vector<std::string> faults;
  for (const Finding& finding : findings) {
    faults.push_back(finding.keys.front() + ": " +
                     (finding.value.empty() ? "" : finding.value + ": ") + finding.message);
  }
  return faults;
}

}  // namespace aero
