#include "aero/config/loader.h"
#include "aero/pipeline/pareto.h"
#include "aero/pipeline/sweep_table.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace aero::pipeline {
namespace {

using Json = nlohmann::ordered_json;

Json finite(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

template <class Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}

Json set_json(const std::vector<Change>& changes) {
  Json set = Json::object();
  for (const Change& change : changes) set[change.key] = Json::parse(change.json);
  return set;
}

Json operations_json(const std::vector<cost::Operation>& operations) {
  Json object = Json::object();
  for (const auto& operation : operations) {
    object[operation.name()] = {operation.count, operation.rows, operation.columns};
  }
  return object;
}

Json pi_json(const report::Report& report) {
  if (report.pi.empty()) return nullptr;
  const cost::PiCost& cost = report.pi.front().cost;
  Json uncharged = Json::object();
  for (const auto& [name, reason] : cost.uncharged) uncharged[name] = reason;
  return {{"cost_model", cost.cost_model},
          {"network", cost.network.empty() ? Json() : Json(cost.network)},
          {"comm_bytes", std::llround(cost.comm_bytes)},
          {"rounds", or_null(cost.rounds)},
          {"latency_s", or_null(cost.latency_seconds)},
          {"uncharged", std::move(uncharged)},
          {"notes", cost.notes}};
}

Json difference_json(const PairedDifference& difference) {
  const auto order = difference.order();
  return {{"mean", or_null(difference.mean)},
          {"margin", or_null(difference.margin)},
          {"n", difference.n},
          {"level", order == Order::unknown ? Json() : Json(order == Order::level)}};
}

Json pareto_json(const Front& front) {
  return {{"bytes", or_null(front.bytes.on_front)},
          {"seconds", or_null(front.seconds.on_front)},
          {"level", {{"bytes", front.bytes.level}, {"seconds", front.seconds.level}}}};
}

Json nonfinite_json(const std::optional<jobs::Nonfinite>& event) {
  if (!event) return nullptr;
  return {{"step", event->step},
          {"quantity", event->quantity},
          {"layer", event->layer},
          {"parameter", event->parameter}};
}

Json run_json(const SeedResult& run) {
  Json evaluations = Json::array();
  for (const auto& point : run.state.evaluations) {
    evaluations.push_back(Json::array({point.step, finite(point.loss)}));
  }
  return {{"seed", run.seed},
          {"folder", run.folder.string()},
          {"state", name(run.state.end)},
          {"loss", finite(run.state.loss())},
          {"perplexity", finite(run.state.perplexity())},
          {"steps", run.state.steps},
          {"tokens", run.state.tokens},
          {"seconds", run.state.seconds},
          {"evaluations", std::move(evaluations)},
          {"nonfinite", nonfinite_json(run.state.nonfinite)}};
}

Json member_json(const MemberResult& member, const Front& front) {
  const auto& flops = member.report.flops.paper;
  Json runs = Json::array();
  for (const SeedResult& run : member.runs) runs.push_back(run_json(run));
  return {{"name", member.name},
          {"architecture", member.report.architecture},
          {"set", set_json(member.changes)},
          {"config", Json::parse(aero::to_json(member.report.config.model))},
          {"perplexity",
           {{"mean", or_null(member.perplexity.mean)},
            {"std", or_null(member.perplexity.deviation)},
            {"n", member.perplexity.n},
            {"change_percent", or_null(member.change_percent)},
            {"difference", difference_json(member.difference)},
            {"measured_on", member.measured_on}}},
          {"loss", {{"mean", or_null(member.loss.mean)}, {"std", or_null(member.loss.deviation)}}},
          {"parameters", member.report.parameters.total()},
          {"flops", {{"ffn", flops.ffn}, {"attention", flops.attention}}},
          {"operations", operations_json(member.report.operations)},
          {"pi", pi_json(member.report)},
          {"pareto", pareto_json(front)},
          {"bins", or_null(member.bins)},
          {"runs", std::move(runs)}};
}

}  // namespace

std::string to_json(const SweepResult& result) {
  Json members = Json::array();
  const auto front = fronts(result.members);
  for (std::size_t i = 0; i < front.size(); ++i) {
    members.push_back(member_json(result.members[i], front[i]));
  }
  return Json{{"sweep", result.name},
              {"base", result.base.string()},
              {"baseline", result.baseline},
              {"members", std::move(members)}}
             .dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace aero::pipeline
