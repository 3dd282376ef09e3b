#include "aero/config/enum_names.h"
#include "aero/core/text.h"
#include "aero/report/report.h"
#include "aero/report/table.h"

#include "activation_items.h"
#include "pieces.h"

#include <cmath>
#include <cstdint>
#include <optional>

namespace aero::report {
namespace {

/// Adds the lines of one section.
class Section {
 public:
  Section(Table& table, std::string name, std::string unit)
      : table_(&table), name_(std::move(name)), unit_(std::move(unit)) {}

  const Section& add(const std::string& name, const std::string& value) const {
    table_->add_row({name_, name, value, unit_});
    return *this;
  }
  const Section& add(const std::string& name, std::int64_t value) const {
    return add(name, std::to_string(value));
  }

 private:
  Table* table_;
  std::string name_;
  std::string unit_;
};

void add_model(Table& table, const Report& report) {
  const ModelConfig& m = report.config.model;
  Section(table, "model", "")
      .add("family", enum_name(m.family))
      .add("architecture", report.architecture)
      .add("n_layer", m.n_layer)
      .add("n_head", m.n_head)
      .add("d_model", m.d_model)
      .add("context", m.context)
      .add("vocab_size", m.vocab_size);
  const Section section(table, "pieces", "");
  for (const auto& piece : pieces(m)) section.add(piece.name, piece.meaning);
}

void add_counts(Table& table, const Report& report) {
  const auto& p = report.parameters;
  Section(table, "parameters", "parameters")
      .add("total", p.total())
      .add("embedding", p.embedding)
      .add("attention", p.attention)
      .add("ffn", p.ffn)
      .add("norm", p.norm)
      .add("other", p.other);
  Section(table, "buffers", "numbers").add("total", report.buffers);
  const auto& f = report.flops;
  Section(table, "flops", "FLOPs")
      .add("paper.ffn", f.paper.ffn)
      .add("paper.attention", f.paper.attention)
      .add("full.ffn", f.full.ffn)
      .add("full.attention", f.full.attention)
      .add("full.head", f.full.head)
      .add("full.total", f.full.total)
      .add("causal.attention", f.causal.attention)
      .add("causal.total", f.causal.total)
      .add("pointwise.norm", f.pointwise.norm)
      .add("pointwise.softmax", f.pointwise.softmax)
      .add("pointwise.activation", f.pointwise.activation)
      .add("pointwise.scale", f.pointwise.scale)
      .add("pointwise.total", f.pointwise.total)
      .add("prefill.total", report.prefill_flops.total)
      .add("one_token.total", report.token_flops.total);
  const Section operations(table, "operations", "");
  for (const auto& o : report.operations) {
    operations.add(o.name() + ".count", o.count)
        .add(o.name() + ".rows", o.rows)
        .add(o.name() + ".columns", o.columns);
  }
}

void add_memory(Table& table, const cost::Memory& memory) {
  Section(table, "memory", "bytes")
      .add("weights", memory.weights)
      .add("optimizer", memory.optimizer)
      .add("gradients", memory.gradients)
      .add("activations", memory.activations.total());
  const Section activations(table, "activation_memory", "bytes");
  for (const auto& item : activation_items(memory.activations)) {
    activations.add(std::string(item.name), item.bytes);
  }
}

void add_training(Table& table, const Report& report) {
  const TrainConfig& train = report.config.train;
  Section(table, "training", "")
      .add("batch_size", train.batch_size)
      .add("accumulation", train.accumulation)
      .add("dtype", enum_name(train.dtype));
  Section(table, "training", "tokens").add("tokens_per_step", report.config.tokens_per_step());
  Section(table, "training", "FLOPs")
      .add("flops_per_token", report.training_flops_per_token)
      .add("flops_per_step", report.training_flops_per_step);
}

std::string unrounded(const std::optional<double>& value) {
  return value ? fmt::format("{:.17g}", *value) : "";
}

void add_pi(Table& table, const PrivateInference& entry) {
  const auto& cost = entry.cost;
  const std::string name = "pi." + cost.cost_model;
  Section(table, name, "").add("network", cost.network).add("pass", entry.pass);
  const Section bytes(table, name, "bytes");
  bytes.add("comm", std::llround(cost.comm_bytes));
  if (cost.setup_bytes) bytes.add("setup", std::llround(*cost.setup_bytes));
  Section(table, name, "rounds").add("rounds", unrounded(cost.rounds));
  Section(table, name, "seconds")
      .add("compute", unrounded(cost.compute_seconds))
      .add("latency", unrounded(cost.latency_seconds))
      .add("setup", unrounded(cost.setup_seconds));
  for (const Share& share : by_operation(cost)) {
    bytes.add("operation." + share.name, std::llround(share.bytes));
  }
  for (const Share& share : by_layer(cost)) {
    bytes.add("where." + share.name, std::llround(share.bytes));
  }
}

}  // namespace

std::string to_csv(const Report& report) {
  Table table({{"section"}, {"name"}, {"value"}, {"unit"}});
  add_model(table, report);
  add_counts(table, report);
  add_memory(table, report.memory);
  add_training(table, report);
  for (const auto& entry : report.pi) add_pi(table, entry);
  return table.to_csv();
}

}  // namespace aero::report
