#include "aero/config/enum_names.h"
#include "aero/core/text.h"
#include "aero/report/comparison.h"
#include "aero/report/format.h"
#include "aero/report/report.h"
#include "aero/report/table.h"

#include "activation_items.h"
#include "forward_text.h"
#include "pi_markdown.h"
#include "pieces.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

namespace aero::report {
namespace {

std::string share(std::int64_t part, std::int64_t whole) {
  const long tenths = std::lround(1000 * static_cast<double>(part) / static_cast<double>(whole));
  return fmt::format("{}.{}%", tenths / 10, tenths % 10);
}

std::string summary(const Report& report) {
  const ModelConfig& m = report.config.model;
  const std::string inner = m.ffn_fused || m.ffn_count() == 0  //
                                ? ""
                                : ", d_ffn = " + with_thousands(m.ffn_width());
  std::string text = fmt::format(
      "{}, L = {}, H = {}, d = {}{}, T = {}, V = {}\n\n", enum_name(m.family), m.n_layer, m.n_head,
      with_thousands(m.d_model), inner, with_thousands(m.context), with_thousands(m.vocab_size));
  for (const auto& piece : pieces(m)) text += fmt::format("- {}: {}\n", piece.name, piece.meaning);
  return text;
}

std::string parameters(const cost::Parameters& p, std::int64_t buffers) {
  Table table({{"part"}, {"parameters", Align::right}, {"share", Align::right}});
  const auto add = [&](const char* name, std::int64_t count) {
    table.add_row({name, with_thousands(count), share(count, p.total())});
  };
  add("embedding", p.embedding);
  add("attention", p.attention);
  add("ffn", p.ffn);
  add("norm", p.norm);
  add("other", p.other);
  add("total", p.total());
  if (buffers == 0) return table.to_markdown();
  return fmt::format(
      "{}\nBeside them {} numbers of spectral normalisation are saved, which are not trained.\n",
      table.to_markdown(), with_thousands(buffers));
}

std::string flops(const Report& report) {
  const cost::Flops& f = report.flops;
  Table table({{"part"},
               {"every product", Align::right},
               {"causal", Align::right},
               {"as the papers count", Align::right},
               {"causal, prefill", Align::right},
               {"causal, one token", Align::right}});
  const auto add = [&](const char* part, std::int64_t cost::FullFlops::*count,
                       const std::string& papers) {
    table.add_row({part, flops_text(f.full.*count), flops_text(f.causal.*count), papers,
                   flops_text(report.prefill_flops.*count), flops_text(report.token_flops.*count)});
  };
  add("ffn", &cost::FullFlops::ffn, flops_text(f.paper.ffn));
  add("attention", &cost::FullFlops::attention, flops_text(f.paper.attention));
  add("head", &cost::FullFlops::head, "");
  add("total", &cost::FullFlops::total, "");
  const auto& p = f.pointwise;
  return table.to_markdown() +
         fmt::format("\nElement by element: norms {}, softmax {}, activations {}, scales {}.\n",
                     flops_text(p.norm), flops_text(p.softmax), flops_text(p.activation),
                     flops_text(p.scale));
}

std::string training(const Report& report) {
  const TrainConfig& train = report.config.train;
  return fmt::format(
      "Training takes {} a token, forward and backward; {} a step of {} tokens (batch {} x "
      "accumulation {} x context {}).\n",
      flops_text(report.training_flops_per_token), flops_text(report.training_flops_per_step),
      with_thousands(report.config.tokens_per_step()), with_thousands(train.batch_size),
      with_thousands(train.accumulation), with_thousands(report.config.model.context));
}

std::string operations(const std::vector<cost::Operation>& list) {
  Table table({{"operation"}, {"count", Align::right}, {"of shape", Align::right}});
  for (const auto& o : list) {
    table.add_row({o.name(), with_thousands(o.count),
                   fmt::format("{} x {}", with_thousands(o.rows), with_thousands(o.columns))});
  }
  return table.to_markdown();
}

/// Lists the operations of a pass over a whole context, summed over the layers.
std::string forward(const ModelConfig& config) {
  struct Line {
    cost::ForwardOperation first;
    std::int64_t count;
  };
  std::vector<Line> lines;
  for (const auto& operation : cost::forward_operations(config, cost::whole_context(config))) {
    const auto same = [&](const Line& line) { return line.first.name == operation.name; };
    const auto line = std::ranges::find_if(lines, same);
    if (line == lines.end()) {
      lines.push_back({operation, operation.count});
    } else {
      line->count += operation.count;
    }
  }
  Table table({{"operation"}, {"primitive"}, {"by"}, {"count and shape"}, {"can be folded away"}});
  for (const auto& [first, count] : lines) {
    const bool is_product = first.operand != cost::Operand::none;
    table.add_row({first.name, std::string(cost::traits(first.primitive).name),
                   is_product ? operand_name(first.operand) : "", shape_text(first, count),
                   first.folds ? "yes" : ""});
  }
  return table.to_markdown();
}

std::string memory(const cost::Memory& m) {
  Table table({{"held"}, {"bytes", Align::right}, {"", Align::right}});
  const auto add = [&](std::string_view name, std::int64_t bytes) {
    table.add_row({std::string(name), with_thousands(bytes), bytes_text(bytes)});
  };
  add("weights", m.weights);
  add("optimizer", m.optimizer);
  add("gradients", m.gradients);
  add("activations", m.activations.total());
  for (const auto& item : activation_items(m.activations)) {
    add(fmt::format("- {}: {}", item.name, item.meaning), item.bytes);
  }
  add("total", m.total());
  return table.to_markdown();
}

std::string private_inference(const std::vector<PrivateInference>& entries) {
  if (entries.empty()) {
    return "\n## Private inference\n\nNo cost model was named: --cost NAME charges the operations "
           "of a forward pass.\n";
  }
  std::string text;
  for (const auto& entry : entries) text += pi_markdown(entry);
  return text;
}

}  // namespace

std::string to_markdown(const Report& report) {
  const TrainConfig& train = report.config.train;
  return "# " + report.architecture + "\n\n" + summary(report) +  //
         "\n## Parameters\n\n" + parameters(report.parameters, report.buffers) +
         "\n## FLOPs of one forward pass over one context\n\n" + flops(report) + "\n" +
         training(report) +  //
         "\n## Nonlinear operations of one forward pass over one context\n\n" +
         "As the papers list them: " + papers_operations(report.operations) + "\n\n" +
         operations(report.operations) +  //
         "\n## All operations of one forward pass over one context\n\n" +
         forward(report.config.model) +  //
         fmt::format(
             "\n## Memory while training, an estimate\n\nFor a batch of {} in {}. LibTorch itself "
             "and the reserve of its allocator come on top.\n\n",
             with_thousands(train.batch_size), enum_name(train.dtype)) +
         memory(report.memory) + private_inference(report.pi);
}

}  // namespace aero::report
