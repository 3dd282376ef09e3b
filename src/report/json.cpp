#include "aero/config/enum_names.h"
#include "aero/report/report.h"

#include "activation_items.h"
#include "forward_text.h"
#include "pi_json.h"
#include "pieces.h"

#include <nlohmann/json.hpp>

namespace aero::report {
namespace {

using Json = nlohmann::ordered_json;

Json model(const Report& report) {
  const ModelConfig& m = report.config.model;
  return {{"family", enum_name(m.family)}, {"architecture", report.architecture},
          {"n_layer", m.n_layer},          {"n_head", m.n_head},
          {"d_model", m.d_model},          {"context", m.context},
          {"vocab_size", m.vocab_size}};
}

Json pieces_of(const ModelConfig& config) {
  Json object = Json::object();
  for (const auto& piece : pieces(config)) object[piece.name] = piece.meaning;
  return object;
}

Json parameters(const cost::Parameters& p) {
  return {{"total", p.total()}, {"embedding", p.embedding}, {"attention", p.attention},
          {"ffn", p.ffn},       {"norm", p.norm},           {"other", p.other}};
}

Json full_flops(const cost::FullFlops& f) {
  return {{"ffn", f.ffn}, {"attention", f.attention}, {"head", f.head}, {"total", f.total}};
}

Json flops(const Report& report) {
  const cost::Flops& f = report.flops;
  const cost::PointwiseFlops& p = f.pointwise;
  return {{"paper", {{"ffn", f.paper.ffn}, {"attention", f.paper.attention}}},
          {"full", full_flops(f.full)},
          {"causal", full_flops(f.causal)},
          {"pointwise",
           {{"norm", p.norm},
            {"softmax", p.softmax},
            {"activation", p.activation},
            {"scale", p.scale},
            {"total", p.total}}},
          {"prefill", full_flops(report.prefill_flops)},
          {"one_token", full_flops(report.token_flops)}};
}

Json operations(const std::vector<cost::Operation>& list) {
  Json object = Json::object();
  for (const auto& o : list) object[o.name()] = Json::array({o.count, o.rows, o.columns});
  return object;
}

/// Lists the operations of a pass over a whole context.
Json forward(const ModelConfig& config) {
  Json list = Json::array();
  for (const auto& operation : cost::forward_operations(config, cost::whole_context(config))) {
    list.push_back(forward_json(operation));
    list.back()["folds"] = operation.folds;
  }
  return list;
}

Json memory(const cost::Memory& m) {
  return {{"weights", m.weights},
          {"optimizer", m.optimizer},
          {"gradients", m.gradients},
          {"activations", m.activations.total()}};
}

Json activation_memory(const cost::Activations& activations) {
  Json object = Json::object();
  for (const auto& item : activation_items(activations))
    object[std::string(item.name)] = item.bytes;
  return object;
}

Json pi(const std::vector<PrivateInference>& entries) {
  Json list = Json::array();
  for (const auto& entry : entries) list.push_back(pi_json(entry));
  return list;
}

Json training(const Report& report) {
  const TrainConfig& train = report.config.train;
  return {{"batch_size", train.batch_size},
          {"accumulation", train.accumulation},
          {"dtype", enum_name(train.dtype)},
          {"tokens_per_step", report.config.tokens_per_step()},
          {"flops_per_token", report.training_flops_per_token},
          {"flops_per_step", report.training_flops_per_step}};
}

}  // namespace

std::string to_json(const Report& report) {
  const Json json{{"model", model(report)},
                  {"parameters", parameters(report.parameters)},
                  {"flops", flops(report)},
                  {"operations", operations(report.operations)},
                  {"memory", memory(report.memory)},
                  {"pi", pi(report.pi)},
                  {"pieces", pieces_of(report.config.model)},
                  {"buffers", report.buffers},
                  {"forward", forward(report.config.model)},
                  {"training", training(report)},
                  {"activation_memory", activation_memory(report.memory.activations)}};
  return json.dump(2) + "\n";
}

}  // namespace aero::report
