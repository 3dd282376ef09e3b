#include "checks.h"

#include "aero/config/fields.h"
#include "aero/config/loader.h"

#include "json_value.h"
#include <algorithm>
#include <string_view>

namespace aero {
namespace {

using Findings = std::vector<Finding>;

std::string text(std::int64_t value) {
  return std::to_string(value);
}

void check_heads(const ModelConfig& m, Findings& findings) {
  if (m.d_model % m.n_head == 0) return;
  findings.push_back({{"model.n_head", "model.d_model"},
                      text(m.n_head),
                      "does not divide model.d_model = " + text(m.d_model) +
                          "; choose d_model as a multiple of n_head"});
}

void check_positions(const ModelConfig& m, Findings& findings) {
  if (m.family == Family::pythia && m.positions != 0) {
    findings.push_back({{"model.positions", "model.family"},
                        text(m.positions),
                        "the family pythia has rotary embedding and no position table; remove this "
                        "key or set it to 0"});
  }
  if (m.family == Family::gpt2 && m.position_rows() < m.context) {
    findings.push_back({{"model.positions", "model.context"},
                        text(m.positions),
                        "fewer rows than model.context = " + text(m.context) +
                            "; set positions to 0 for as many as context, or to at least " +
                            text(m.context)});
  }
}

void check_rotary(const ModelConfig& m, Findings& findings) {
  if (m.family != Family::pythia || m.d_model % m.n_head != 0) return;
  const auto turned =
      static_cast<std::int64_t>(static_cast<double>(m.d_head()) * m.rotary_fraction);
  if (turned >= 2 && turned % 2 == 0) return;
  findings.push_back({{"model.rotary_fraction", "model.d_model", "model.n_head", "model.family"},
                      number_text(m.rotary_fraction),
                      "turns " + text(turned) + " of the " + text(m.d_head()) +
                          " dimensions of a head (model.d_model = " + text(m.d_model) +
                          " / model.n_head = " + text(m.n_head) +
                          "), but they turn in pairs; choose a fraction of which that is an even "
                          "number of at least 2"});
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

/// Where both lengths can be compared without the corpus.
bool is_longer(const Duration& a, const Duration& b, const RunConfig& config) {
  if (a.unit == b.unit) return a.amount > b.amount;
  if (!is_counted(a) || !is_counted(b)) return false;
  const RunLength length{.tokens_per_step = config.tokens_per_step()};
  return to_steps(a, length) > to_steps(b, length);
}

void check_schedule(const RunConfig& c, Findings& findings) {
  if (is_longer(c.schedule.warmup, c.train.duration, c)) {
    findings.push_back({{"schedule.warmup", "train.duration"},
                        quoted(to_string(c.schedule.warmup)),
                        "longer than the training, train.duration = \"" +
                            to_string(c.train.duration) +
                            "\"; shorten it, or give a share as \"5%\""});
  }
  if (c.schedule.name != ScheduleKind::constant && c.schedule.final_lr > c.optimizer.lr) {
    findings.push_back({{"schedule.final_lr", "optimizer.lr"},
                        number_text(c.schedule.final_lr),
                        "above optimizer.lr = " + number_text(c.optimizer.lr) +
                            ", where the schedule begins; lower it"});
  }
}

/// Values that a file or the command line cannot give, but a program can.
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
  return findings;
}

std::vector<Finding> check_combinations(const RunConfig& config) {
  Findings findings = check_combinations(config.model);
  check_device(config.train, findings);
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
