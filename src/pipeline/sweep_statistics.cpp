#include "aero/pipeline/sweep_statistics.h"

#include "aero/jobs/unverified_corpus.h"

#include "measurement.h"

#include <cmath>
#include <cstdint>

namespace aero::pipeline {
namespace {

bool is_finished(const SeedResult& run) {
  return run.state.end == jobs::RunEnd::finished;
}

Reported reported_by(const std::vector<SeedResult>& runs, const RunConfig& config,
                     jobs::KnownCorpora& corpora) {
  std::optional<Reported> all;
  for (const SeedResult& run : runs) {
    if (!is_finished(run)) continue;
    const auto& evaluations = run.state.evaluations;
    const bool is_whole = !evaluations.empty() && !evaluations.back().is_of_a_part.value_or(true);
    const auto data = corpora.present(config, "val", run.state.held_out_fingerprint);
    if (!all) all = Reported{is_whole, data};
    all->is_whole = all->is_whole && is_whole;
    if (all->data != data) all->data.clear();
  }
  return all.value_or(Reported{});
}

std::optional<std::array<double, 4>> mean_bins(const std::vector<SeedResult>& runs) {
  std::array<double, 4> sum{};
  int n = 0;
  for (const SeedResult& run : runs) {
    if (!is_finished(run) || !run.state.bins) continue;
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += (*run.state.bins)[i];
    ++n;
  }
  if (n == 0) return std::nullopt;
  for (double& share : sum) share /= n;
  return sum;
}

MemberResult collect_member(const Sweep& sweep, const Member& member, jobs::KnownCorpora& corpora) {
  MemberResult result{.name = member.name,
                      .changes = member.changes,
                      .report = report::make_report(member.config),
                      .runs = {},
                      .perplexity = {},
                      .loss = {},
                      .change_percent = {},
                      .difference = {},
                      .bins = {},
                      .measured_on = {},
                      .measured_otherwise = {}};
  result.report.pi = sweep.pricings.own.charge(member.config.model);
  std::vector<double> losses;
  std::vector<double> perplexities;
  for (const std::int64_t seed : sweep.seeds) {
    const std::filesystem::path folder = run_config(sweep, member, seed).run.folder;
    result.runs.push_back({seed, folder, jobs::read_run_state(folder)});
    if (!is_finished(result.runs.back())) continue;
    losses.push_back(result.runs.back().state.loss());
    perplexities.push_back(result.runs.back().state.perplexity());
  }
  result.perplexity = spread_of(perplexities);
  result.loss = spread_of(losses);
  result.bins = mean_bins(result.runs);
  result.measured_on =
      measurement_of(member.config, reported_by(result.runs, member.config, corpora));
  return result;
}

}  // namespace

Spread spread_of(const std::vector<double>& values) {
  Spread spread;
  double sum = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    sum += value;
    ++spread.n;
  }
  if (spread.n == 0) return spread;
  spread.mean = sum / static_cast<double>(spread.n);
  if (spread.n == 1) return spread;
  double squares = 0;
  for (const double value : values) {
    if (std::isfinite(value)) squares += (value - *spread.mean) * (value - *spread.mean);
  }
  spread.deviation = std::sqrt(squares / static_cast<double>(spread.n - 1));
  return spread;
}

BySeed perplexities(const MemberResult& member) {
  BySeed result;
  for (const SeedResult& run : member.runs) {
    const double perplexity = run.state.perplexity();
    if (is_finished(run) && std::isfinite(perplexity)) result[run.seed] = perplexity;
  }
  return result;
}

void charge(std::vector<MemberResult>& members, const Pricing& pricing) {
  for (MemberResult& member : members) {
    member.report.pi = pricing.charge(member.report.config.model);
  }
}

SweepResult collect(const Sweep& sweep) {
  SweepResult result{sweep.name, sweep.base, sweep.members[sweep.baseline].name, {}};
  jobs::KnownCorpora corpora;
  for (const Member& member : sweep.members) {
    result.members.push_back(collect_member(sweep, member, corpora));
  }
  const auto baseline = result.members[sweep.baseline].perplexity.mean;
  const auto its_seeds = perplexities(result.members[sweep.baseline]);
  for (MemberResult& member : result.members) {
    member.measured_otherwise =
        difference(member.measured_on, result.members[sweep.baseline].measured_on);
    if (!member.measured_otherwise.empty()) continue;
    member.difference = paired_difference(perplexities(member), its_seeds);
    if (!baseline || !member.perplexity.mean) continue;
    member.change_percent = 100 * (*member.perplexity.mean / *baseline - 1);
  }
  return result;
}

}  // namespace aero::pipeline
