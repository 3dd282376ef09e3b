#include "aero/cost/parameters.h"

#include "count.h"
#include "pieces.h"

namespace aero::cost {
namespace {

Count norm_size(NormKind kind, const ModelConfig& m) {
  switch (kind) {
    case NormKind::layernorm:
    case NormKind::layernorm_fixed:
      return m.norm_bias ? 2 * m.d_model : m.d_model;
    case NormKind::rmsnorm:
      return m.d_model;
    case NormKind::none:
      return 0;
  }
  throw Error("a norm of an unknown kind");
}

Count matrices(const ModelConfig& m, Part part) {
  Count sum = 0;
  for (const Matrix& matrix : block_matrices(m)) {
    if (matrix.part != part) continue;
    Count size = Count(matrix.out) * matrix.in;
    if (matrix.has_bias) size += matrix.out;
    if (matrix.form == WeightForm::weight_norm) size += matrix.out;
    sum += matrix.count * size;
  }
  return sum;
}

Count temperatures(const ModelConfig& m) {
  if (m.temperature == TemperatureForm::none) return 0;
  return Count(m.n_layer) * m.n_head * m.temperature_columns();
}

Count slopes(const ModelConfig& m) {
  if (m.activation != ActivationKind::leaky_relu) return 0;
  switch (m.leaky_slope) {
    case LeakySlope::fixed:
      return 0;
    case LeakySlope::layer:
      return m.ffn_count();
    case LeakySlope::model:
      return 1;
  }
  throw Error("a leaky slope of an unknown kind");
}

Count simplified_scalars(const ModelConfig& m) {
  const Count shaped = Count(3) * m.n_layer * m.n_head;
  const Count values = 2;
  const Count ffn_scalars = m.parallel_residual ? 1 : 2;
  return shaped + values + m.n_layer + ffn_scalars * m.ffn_count();
}

Count scales(const ModelConfig& m) {
  if (m.family == Family::simplified) return simplified_scalars(m);
  return m.ffn_scaled ? 2 * m.ffn_count() : 0;
}

Count thresholds(const ModelConfig& m) {
  return m.ereg.enabled ? Count(m.n_layer) * m.n_head : 0;
}

}  // namespace

Parameters count_parameters(const ModelConfig& m) {
  const Count tokens = Count(m.vocab_size) * m.d_model;
  const Count positions = m.family != Family::pythia ? Count(m.position_rows()) * m.d_model : 0;
  const Count head = m.tied_head ? 0 : tokens;
  const BlockNorms norms = block_norms(m);

  const Count embedding = tokens + positions + head;
  const Count attention = matrices(m, Part::attention) + temperatures(m);
  const Count ffn = matrices(m, Part::ffn);
  const Count norm = norms.count * norm_size(norms.kind, m) + norm_size(m.final_norm_kind(), m);
  const Count other = slopes(m) + scales(m) + thresholds(m);
  (void)(embedding + attention + ffn + norm + other);  // total() does not check its sum
  return {.embedding = embedding.value(),
          .attention = attention.value(),
          .ffn = ffn.value(),
          .norm = norm.value(),
          .other = other.value()};
}

std::int64_t count_buffers(const ModelConfig& m) {
  Count sum = 0;
  for (const Matrix& matrix : block_matrices(m)) {
    if (matrix.form != WeightForm::spectral_norm) continue;
    sum += matrix.count * (Count(matrix.out) + matrix.in);
  }
  const BlockNorms norms = block_norms(m);
  if (norms.kind == NormKind::layernorm_fixed) sum += 2 * norms.count;
  return sum.value();
}

}  // namespace aero::cost
