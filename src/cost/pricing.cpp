#include "pricing.h"

#include "aero/config/enum_names.h"
#include "aero/config/json_value.h"
#include "aero/core/error.h"
#include "aero/core/text.h"

#include "primitive_calls.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace aero::cost {
namespace {

struct IntegerKey {
  const char* name;
  std::int64_t ModelConfig::*member;
};

constexpr std::array<IntegerKey, 5> integer_keys{{{"context", &ModelConfig::context},
                                                  {"n_layer", &ModelConfig::n_layer},
                                                  {"n_head", &ModelConfig::n_head},
                                                  {"d_model", &ModelConfig::d_model},
                                                  {"vocab_size", &ModelConfig::vocab_size}}};

/// Counts multiply-adds of products with weights, without the head, in 10^9.
double gmac_of(const std::vector<ForwardOperation>& operations) {
  double sum = 0;
  for (const ForwardOperation& o : operations) {
    if (o.primitive != Primitive::matmul || o.operand != Operand::weight) continue;
    sum += static_cast<double>(o.count) * static_cast<double>(o.m) * static_cast<double>(o.k) *
           static_cast<double>(o.n);
  }
  return sum / 1e9;
}

/// Whether two products can become one, with their right matrices side by side.
bool joins(const ForwardOperation& a, const ForwardOperation& b) {
  return a.primitive == Primitive::matmul && b.primitive == a.primitive &&
         a.operand == Operand::weight && b.operand == a.operand && a.layer == b.layer &&
         a.count == b.count && a.m == b.m && a.k == b.k;
}

void add_to(std::optional<double>& sum, const std::optional<double>& part) {
  sum = sum && part ? std::optional(*sum + *part) : std::nullopt;
}

}  // namespace

std::map<std::string, double> config_values(const ModelConfig& config, const Pass& pass) {
  return {{"T", static_cast<double>(pass.queries)},
          {"V", static_cast<double>(config.vocab_size)},
          {"L", static_cast<double>(config.n_layer)},
          {"H", static_cast<double>(config.n_head)},
          {"d", static_cast<double>(config.d_model)}};
}

std::optional<std::string> config_key_value(const ModelConfig& config, const std::string& key) {
  if (key == "family") return enum_name(config.family);
  const auto found = std::ranges::find(integer_keys, key, &IntegerKey::name);
  if (found == integer_keys.end()) return std::nullopt;
  return std::to_string(config.*(found->member));
}

const std::vector<std::string>& exception_keys() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list{"family"};
    for (const IntegerKey& key : integer_keys) list.emplace_back(key.name);
    return list;
  }();
  return names;
}

Pricing::Pricing(const CostModelDescription& model, const ModelConfig& config, const Pass& pass,
                 const std::optional<Network>& network, const Assumptions& assumptions)
    : model_(model),
      config_(config),
      network_(network),
      assumptions_(assumptions),
      is_whole_context_(pass == whole_context(config)),
      prices_(model.book, assumptions.factors),
      values_(config_values(config, pass)),
      operations_(forward_operations(config, pass)) {}

PiCost Pricing::cost() {
  cost_.cost_model = model_.about.name;
  cost_.notes = model_.notes;
  const double gmac = gmac_of(operations_);
  for (std::size_t i = 0; i < model_.exceptions.size(); ++i) {
    const Exception& exception = model_.exceptions[i];
    if (!applies(exception)) continue;
    const std::string place = fmt::format("exceptions[{}].add", i);
    for (const AddedOperation& added : exception.added) add(added, place);
    cost_.notes.push_back(exception.note);
  }
  leave_out();
  join();

  cost_.rounds = 0;
  cost_.compute_seconds = 0;
  for (const ForwardOperation& operation : operations_) {
    const Price& price = cost_.operations.emplace_back(operation, this->price(operation)).price;
    cost_.comm_bytes += price.bytes;
    add_to(cost_.rounds, price.rounds);
    add_to(cost_.compute_seconds, price.compute_seconds);
  }
  set_setup();
  set_latency(gmac);
  return std::move(cost_);
}

bool Pricing::applies(const Exception& exception) const {
  return std::ranges::all_of(exception.when, [&](const auto& condition) {
    return config_key_value(config_, condition.first) == condition.second;
  });
}

void Pricing::add(const AddedOperation& added, const std::string& place) {
  const auto size = [&](const Formula& formula, double least) {
    const double value = prices_.value(formula, values_);
    if (value >= least && value < 1e15 && value == std::floor(value)) {
      return static_cast<std::int64_t>(value);
    }
    throw UsageError(fmt::format("{}: {}: {}: gives {}; expected a whole number, at least {}",
                                 model_.book.source(), place, quoted(formula.text()),
                                 number_text(value), number_text(least)));
  };
  const std::int64_t count = size(added.count, 0);
  if (count == 0) return;
  operations_.push_back({.name = added.name,
                         .primitive = added.primitive,
                         .operand = added.operand,
                         .layer = -1,
                         .count = count,
                         .m = size(added.m, 1),
                         .k = size(added.k, 1),
                         .n = size(added.n, 1)});
}

std::string Pricing::reason_to_leave_out(const ForwardOperation& operation) const {
  if (operation.folds && assumptions_.fold) return "folded into the weights beforehand";
  if (operation.name == "temperature" && assumptions_.temperature) return "";
  const auto found = model_.uncharged.find(operation.name);
  return found == model_.uncharged.end() ? "" : found->second;
}

void Pricing::leave_out() {
  std::vector<ForwardOperation> kept;
  for (ForwardOperation& operation : operations_) {
    if (operation.name == "temperature") {
      operation.operand = assumptions_.temperature.value_or(model_.temperature);
    }
    const Uncharged entry{operation.name, reason_to_leave_out(operation)};
    if (entry.reason.empty()) {
      kept.push_back(std::move(operation));
    } else if (std::ranges::find(cost_.uncharged, entry) == cost_.uncharged.end()) {
      cost_.uncharged.push_back(entry);
    }
  }
  operations_ = std::move(kept);
}

void Pricing::join() {
  const auto group_of = [&](const std::string& name) -> const std::vector<std::string>* {
    for (const auto& group : model_.joined) {
      if (std::ranges::find(group, name) != group.end()) return &group;
    }
    return nullptr;
  };
  struct Joined {
    ForwardOperation operation;
    const std::vector<std::string>* group;
  };
  std::vector<Joined> list;
  for (const ForwardOperation& operation : operations_) {
    const auto* group = group_of(operation.name);
    const auto first = std::ranges::find_if(list, [&](const Joined& earlier) {
      return group != nullptr && earlier.group == group && joins(earlier.operation, operation);
    });
    if (first == list.end()) {
      list.push_back({operation, group});
    } else {
      first->operation.name += "+" + operation.name;
      first->operation.n += operation.n;
    }
  }
  operations_.clear();
  for (Joined& joined : list) operations_.push_back(std::move(joined.operation));
}

Price Pricing::price(const ForwardOperation& operation) {
  const PrimitiveCall call = primitive_call(operation);
  const std::string& name = call.primitive->name;
  if (!model_.book.primitives().contains(name)) {
    throw UsageError(fmt::format(
        "{}: primitives.{}: missing, and this model's operation \"{}\" needs it; write its "
        "formula, or say under \"uncharged\" why \"{}\" costs nothing",
        model_.book.source(), name, operation.name, operation.name));
  }
  const auto [known, is_new] = priced_.try_emplace({name, call.values, call.count});
  if (!is_new) return known->second;
  const auto times = [&](std::optional<double> value) {
    return value ? std::optional(*value * call.count) : std::nullopt;
  };
  known->second = {.bytes = *times(prices_.price(name, Quantity::bytes, call.values)),
                   .rounds = prices_.price(name, Quantity::rounds, call.values),
                   .compute_seconds = times(prices_.price(name, Quantity::seconds, call.values))};
  return known->second;
}

void Pricing::set_setup() {
  const auto once = [&](const char* key, const Formula& formula) {
    const double value = prices_.value(formula, {});
    if (std::isfinite(value) && value >= 0) return value;
    throw UsageError(fmt::format(
        "{}: setup.{}: {}: gives {}; a cost is finite and not negative: correct the formula "
        "or its constants",
        model_.book.source(), key, quoted(formula.text()), number_text(value)));
  };
  if (model_.setup_bytes) cost_.setup_bytes = once("bytes", *model_.setup_bytes);
  if (model_.setup_seconds) cost_.setup_seconds = once("seconds", *model_.setup_seconds);
}

void Pricing::set_latency(double gmac) {
  if (network_) {
    for (const auto& [operation, price] : cost_.operations) {
      if (price.rounds && price.compute_seconds) continue;
      const std::string primitive = primitive_call(operation).primitive->name;
      throw UsageError(
          fmt::format("{}: primitives.{}.{}: missing, so the model gives no latency on the network "
                      "\"{}\"; write it, or name no network{}",
                      model_.book.source(), primitive, price.compute_seconds ? "rounds" : "seconds",
                      network_->name, model_.latency ? " to use the model's own latency" : ""));
    }
    cost_.network = network_->name;
    cost_.latency_seconds = *cost_.compute_seconds +
                            8 * cost_.comm_bytes / network_->bits_per_second +
                            *cost_.rounds * network_->round_trip_seconds;
    return;
  }
  if (!model_.latency) return;
  if (!is_whole_context_) {
    cost_.notes.emplace_back(
        "The cost model's own latency applies to whole contexts, so none is given here.");
    return;
  }
  auto names = values_;
  names["comm_bytes"] = cost_.comm_bytes;
  names["gmac"] = gmac;
  const double seconds = prices_.value(*model_.latency, names);
  if (seconds >= 0 && std::isfinite(seconds)) {
    cost_.latency_seconds = seconds;
    if (!model_.latency_note.empty()) cost_.notes.push_back(model_.latency_note);
  } else {
    cost_.notes.push_back(fmt::format(
        "The cost model's own latency gives {:.3g} s for this pass, which is beyond the "
        "range of its fit, so no latency is given.",
        seconds));
  }
}

}  // namespace aero::cost
