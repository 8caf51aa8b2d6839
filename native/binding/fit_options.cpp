#include "fit_options.h"

#include "values.h"

#include <cmath>

namespace nonneg {

namespace {

// One of `Rule` in ts/backends/backend.ts.
bool read_rule(const std::string& name, update_rule& out) {
  constexpr std::pair<const char*, update_rule> rules[] = {
      {"mu", update_rule::mu},      {"hals", update_rule::hals},       {"pg", update_rule::pg},
      {"bpp", update_rule::bpp},    {"product", update_rule::product}, {"sgd", update_rule::sgd},
      {"svrmu", update_rule::svrmu}};
  for (const auto& [known, rule] : rules) {
    if (name == known) {
      out = rule;
      return true;
    }
  }
  return false;
}

bool read_number(Napi::Value value, double lowest, double& out) {
  return napi_get_value_double(value.Env(), value, &out) == napi_ok && out >= lowest && std::isfinite(out);
}

// { l1, l2, moving, most }, where `most` may be infinite.
bool read_terms(Napi::Value value, int64_t rank, factor_terms& out) {
  if (!value.IsObject())
    return false;
  const Napi::Object from = value.As<Napi::Object>();
  const Napi::Value most = from.Get("most");
  return read_number(from.Get("l1"), 0, out.l1) && read_number(from.Get("l2"), 0, out.l2) &&
         read_integer(from.Get("moving"), 0, out.moving) && out.moving <= rank &&
         napi_get_value_double(most.Env(), most, &out.most) == napi_ok && out.most > 0;
}

// { safety, noise, seed, limit }, where `limit` may be infinite.
bool read_sgd(Napi::Value value, sgd_choice& out) {
  if (!value.IsObject())
    return false;
  const Napi::Object from = value.As<Napi::Object>();
  const Napi::Value limit = from.Get("limit");
  int64_t seed = 0;
  if (!read_number(from.Get("safety"), 0, out.safety) || !read_number(from.Get("noise"), 0, out.noise) ||
      !read_integer(from.Get("seed"), 0, seed) || seed > UINT32_MAX ||
      napi_get_value_double(limit.Env(), limit, &out.limit) != napi_ok)
    return false;
  out.seed = uint32_t(seed);
  return out.limit > 0;
}

// What the rules for batches alone take, which the others leave out.
bool read_choices_of_batches(const Napi::Object& options, fit_shape& shape) {
  if (shape.rule == update_rule::sgd)
    return read_sgd(options.Get("sgd"), shape.sgd);
  return shape.rule != update_rule::svrmu ||
         (read_number(options.Get("ratio"), 0, shape.ratio) && shape.ratio > 0 && shape.ratio <= 1);
}

// Rows of a factor that has so many, ascending, in a Uint32Array; without it there are none.
bool read_frozen(Napi::Value value, int64_t length, frozen_rows& out) {
  if (value.IsUndefined())
    return true;
  array list;
  if (!read_array(value, list) || list.type != napi_uint32_array)
    return false;
  const uint32_t* const rows = static_cast<const uint32_t*>(list.data);
  for (int64_t i = 0; i < list.length; i++) {
    if (int64_t(rows[i]) >= length || (i > 0 && rows[i] <= rows[i - 1]))
      return false;
  }
  return out.assign(rows, list.length);
}

bool read_rounds(Napi::Value value, int& out) {
  int64_t rounds = 0;
  if (!read_integer(value, 1, rounds) || rounds > INT32_MAX)
    return false;
  out = int(rounds);
  return true;
}

// The loss and how the factors move.
bool read_choices(const Napi::Object& options, fit_shape& shape) {
  return read_element_type(options.Get("dtype"), shape.element) &&
         read_rule(text_of(options.Get("rule")), shape.rule) &&
         read_number(options.Get("beta"), -HUGE_VAL, shape.beta) && read_number(options.Get("step"), 0, shape.step) &&
         read_rounds(options.Get("rounds"), shape.rounds) &&
         read_terms(options.Get("termsW"), shape.rank, shape.terms_w) &&
         read_terms(options.Get("termsH"), shape.rank, shape.terms_h) && read_choices_of_batches(options, shape);
}

// { kind } or { kind: 'holdout', fraction, seed, complement }; without it there are none.
bool read_weights(Napi::Value value, fit_shape& shape) {
  if (value.IsUndefined())
    return true;
  if (!value.IsObject())
    return false;
  const Napi::Object from = value.As<Napi::Object>();
  const std::string kind = text_of(from.Get("kind"));
  if (kind == "none") {
    shape.weights = weights_kind::none;
  } else if (kind == "dense") {
    shape.weights = weights_kind::dense;
  } else if (kind == "entries") {
    shape.weights = weights_kind::entries;
    return shape.nonzeros >= 0;
  } else if (kind == "holdout") {
    int64_t seed = 0;
    shape.weights = weights_kind::holdout;
    if (!read_number(from.Get("fraction"), 0, shape.holdout.fraction) || shape.holdout.fraction > 1 ||
        !read_integer(from.Get("seed"), 0, seed) || seed > UINT32_MAX)
      return false;
    shape.holdout.seed = uint32_t(seed);
    shape.holdout.complement = from.Get("complement").ToBoolean();
  } else {
    return false;
  }
  return true;
}

bool refused(const Napi::Object& options, const char* code, const char* message) {
  refuse(options.Env(), code, message);
  return false;
}

} // namespace

std::string text_of(const Napi::Value& value) {
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}

bool read_fit_shape(const Napi::Object& options, fit_shape& shape) {
  int64_t threads = 1;
  const Napi::Value norm = options.Get("squaredNorm");
  if (!read_integer(options.Get("rows"), 0, shape.rows) || !read_integer(options.Get("columns"), 0, shape.columns) ||
      !read_integer(options.Get("rank"), 1, shape.rank) || !read_integer(options.Get("nonzeros"), -1, shape.nonzeros) ||
      !read_integer(options.Get("threads"), 1, threads) || !norm.IsNumber()) {
    return refused(options, shape_error,
                   "rows, columns, rank, nonzeros, threads or squaredNorm is not a number in its range");
  }
  if (!read_choices(options, shape) || !read_weights(options.Get("weights"), shape))
    return refused(options, option_error,
                   "dtype, rule, beta, step, rounds, termsW, termsH, sgd, ratio or weights is none");
  const bool batches_alone = is_for_batches_alone(shape.rule);
  const bool gram_alone = shape.rule == update_rule::product || batches_alone;
  if ((gram_alone || shape.rule == update_rule::bpp) && shape.beta != 2)
    return refused(options, option_error, "this rule is for the Frobenius loss");
  if (gram_alone && shape.weights != weights_kind::none)
    return refused(options, option_error, "this rule is for the Frobenius loss without weights");
  if (!read_frozen(options.Get("frozenW"), shape.rows, shape.frozen_w) ||
      !read_frozen(options.Get("frozenH"), shape.columns, shape.frozen_h))
    return refused(options, option_error, "frozenW or frozenH is no ascending list of rows or columns that are there");
  shape.fixed_h = options.Get("fixedH").ToBoolean();
  shape.extrapolate = options.Get("extrapolate").ToBoolean();
  shape.batches = batches_alone || options.Get("batches").ToBoolean();
  shape.squared_norm = norm.As<Napi::Number>().DoubleValue();
  constexpr int64_t most_threads = 1024;
  shape.threads = int(threads < most_threads ? threads : most_threads);
  constexpr int64_t most_entries = (int64_t(1) << 32) - 1;
  if (shape.nonzeros > most_entries ||
      (shape.nonzeros >= 0 && (shape.rows > most_entries || shape.columns > most_entries)))
    return refused(options, shape_error, "a sparse matrix has at most 2^32 - 1 rows, columns and entries");
  return true;
}

} // namespace nonneg
