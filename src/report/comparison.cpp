#include "aero/report/comparison.h"

#include "aero/config/enum_names.h"
#include "aero/core/text.h"
#include "aero/report/format.h"
#include "aero/report/table.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <optional>

namespace aero::report {
namespace {

using Json = nlohmann::ordered_json;

std::optional<double> bytes_of(const Report& report) {
  if (report.pi.empty()) return std::nullopt;
  return report.pi.front().cost.comm_bytes;
}

std::optional<double> latency_of(const Report& report) {
  return report.pi.empty() ? std::nullopt : report.pi.front().cost.latency_seconds;
}

/// Returns how many times smaller a value is than the baseline's.
std::optional<double> factor(const std::optional<double>& baseline,
                             const std::optional<double>& value) {
  if (!baseline || !value || *value <= 0) return std::nullopt;
  return *baseline / *value;
}

std::string factor_text(const std::optional<double>& value) {
  return value ? fmt::format("{:.2f}x", *value) : "";
}

std::string unrounded(const std::optional<double>& value) {
  return value ? fmt::format("{:.17g}", *value) : "";
}

Json or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

std::vector<std::vector<PrivateInference>> costs_of(const std::vector<Report>& reports) {
  std::vector<std::vector<PrivateInference>> costs;
  costs.reserve(reports.size());
  for (const Report& report : reports) costs.push_back(report.pi);
  return costs;
}

}  // namespace

std::string papers_operations(const std::vector<cost::Operation>& operations) {
  std::string text;
  for (const auto& operation : operations) {
    text += fmt::format("{}{}: {} x R^{{{}x{}}}", text.empty() ? "" : ", ", operation.papers_name(),
                        operation.count, operation.rows, operation.columns);
  }
  return text;
}

namespace {

Table comparison_table(const std::vector<Report>& reports) {
  Table table({{"architecture"},
               {"family"},
               {"nonlinear operations"},
               {"FFN", Align::right},
               {"attention", Align::right},
               {"communication", Align::right},
               {"latency", Align::right},
               {"communication saved", Align::right},
               {"latency saved", Align::right}});
  for (const Report& report : reports) {
    const auto bytes = bytes_of(report);
    const auto seconds = latency_of(report);
    table.add_row({report.architecture, enum_name(report.config.model.family),
                   papers_operations(report.operations), flops_text(report.flops.paper.ffn),
                   flops_text(report.flops.paper.attention), bytes ? traffic_text(*bytes) : "",
                   seconds ? latency_text(*seconds) : "",
                   factor_text(factor(bytes_of(reports.front()), bytes)),
                   factor_text(factor(latency_of(reports.front()), seconds))});
  }
  return table;
}

}  // namespace

std::string comparison_markdown(const std::vector<Report>& reports) {
  return comparison_table(reports).to_markdown() + remarks_markdown(costs_of(reports));
}

std::string comparison_latex(const std::vector<Report>& reports) {
  return comparison_table(reports).to_latex() + latex_comments(remarks_markdown(costs_of(reports)));
}

std::string comparison_csv(const std::vector<Report>& reports) {
  Table table({{"architecture"},
               {"family"},
               {"context"},
               {"operations"},
               {"ffn_flops"},
               {"attention_flops"},
               {"comm_bytes"},
               {"latency_s"},
               {"comm_factor"},
               {"latency_factor"}});
  for (const Report& report : reports) {
    const auto bytes = bytes_of(report);
    table.add_row({report.architecture, enum_name(report.config.model.family),
                   std::to_string(report.config.model.context),
                   papers_operations(report.operations), std::to_string(report.flops.paper.ffn),
                   std::to_string(report.flops.paper.attention),
                   bytes ? std::to_string(std::llround(*bytes)) : "", unrounded(latency_of(report)),
                   unrounded(factor(bytes_of(reports.front()), bytes)),
                   unrounded(factor(latency_of(reports.front()), latency_of(report)))});
  }
  return table.to_csv();
}

std::string comparison_json(const std::vector<Report>& reports) {
  Json models = Json::array();
  for (const Report& report : reports) {
    models.push_back(
        {{"report", Json::parse(to_json(report))},
         {"comm_factor", or_null(factor(bytes_of(reports.front()), bytes_of(report)))},
         {"latency_factor", or_null(factor(latency_of(reports.front()), latency_of(report)))}});
  }
  return Json{{"baseline", reports.front().architecture}, {"models", std::move(models)}}.dump(2) +
         "\n";
}

}  // namespace aero::report
