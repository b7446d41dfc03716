// The network itself: decodes what experiments/report/network.py wrote, and answers one example.
// Sums are made in float64, so that only the rounding of the weights differs from the library's.
export const Network = (() => {
  const HALVES = new Float32Array(65536); // what each pattern of 16 bits is as a float16
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size =
      exponent === 0 ? fraction * 2 ** -24
      : exponent < 31 ? (1 + fraction / 1024) * 2 ** (exponent - 15)
      : fraction ? NaN : Infinity;
    HALVES[bits] = bits >> 15 ? -size : size;
  }

  function bytes(text) {
    const letters = atob(text);
    const view = new DataView(new ArrayBuffer(letters.length));
    for (let i = 0; i < letters.length; i++) view.setUint8(i, letters.charCodeAt(i));
    return view;
  }

  function numbers(text, dtype = "float32") {
    const view = bytes(text);
    const size = { float32: 4, float16: 2, int8: 1, uint8: 1 }[dtype];
    const read = {
      float32: (at) => view.getFloat32(at, true),
      float16: (at) => HALVES[view.getUint16(at, true)],
      int8: (at) => view.getInt8(at),
      uint8: (at) => view.getUint8(at),
    }[dtype];
    const made = new Float32Array(view.byteLength / size);
    for (let i = 0; i < made.length; i++) made[i] = read(i * size);
    return made;
  }

  function scaling(text) {
    return text && { mean: numbers(text.mean), scale: numbers(text.scale) };
  }

  function layer(text, outputs) {
    const kernel = numbers(text.kernel, text.dtype); // row by row: the weights of each input
    if (text.scale) {
      const scale = numbers(text.scale);
      for (let i = 0, unit = 0; i < kernel.length; i++, unit++) {
        if (unit === outputs) unit = 0;
        kernel[i] *= scale[unit];
      }
    }
    const optional = (name) => (text[name] ? numbers(text[name]) : null);
    return { kernel, bias: numbers(text.bias), mean: optional("mean"), factor: optional("factor") };
  }

  function decode(text) {
    return {
      ...text,
      layers: text.layers.map((each, i) => layer(each, text.sizes[i + 1])),
      input_scaling: scaling(text.input_scaling),
      output_scaling: scaling(text.output_scaling),
    };
  }

  const SELU = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const elu = (x) => (x > 0 ? x : Math.expm1(x));
  const ACTIVATIONS = {
    elu,
    gelu: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
    identity: (x) => x,
    leaky_relu: (x) => (x >= 0 ? x : 0.01 * x),
    relu: (x) => Math.max(x, 0),
    selu: (x) => SELU.scale * (x > 0 ? x : SELU.alpha * Math.expm1(x)),
    sigmoid,
    sign: Math.sign,
    silu: (x) => x * sigmoid(x),
    softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    step: (x) => (x > 0 ? 1 : 0),
    tanh: Math.tanh,
  };

  const single = new Float32Array(1);
  const pattern = new Uint32Array(single.buffer);

  // A number with so many binary digits after the first, as a product takes it; ties to even.
  function cut(x, digits) {
    single[0] = x;
    const dropped = 23 - digits;
    const half = (1 << (dropped - 1)) - 1 + ((pattern[0] >> dropped) & 1);
    pattern[0] = ((pattern[0] + half) >> dropped) << dropped;
    return single[0];
  }

  const DIGITS = { bfloat16: 7, tf32: 10 };

  function product(kernel, inputs, outputs, precision) {
    const sums = new Float64Array(outputs);
    const digits = DIGITS[precision];
    for (let i = 0; i < inputs.length; i++) {
      const x = digits ? cut(inputs[i], digits) : inputs[i];
      if (x === 0) continue;
      const row = i * outputs;
      for (let unit = 0; unit < outputs; unit++) {
        const weight = kernel[row + unit];
        sums[unit] += x * (digits ? cut(weight, digits) : weight);
      }
    }
    return sums;
  }

  function layerNorm(values, epsilon) {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
    return values.map((x) => (x - mean) / Math.sqrt(variance + epsilon));
  }

  function outputs(network, inputs) {
    const { input_scaling: before, output_scaling: after, layers } = network;
    let values = Float64Array.from(inputs);
    if (before) values = values.map((x, i) => (x - before.mean[i]) / before.scale[i]);
    layers.forEach((layer, number) => {
      const size = network.sizes[number + 1];
      values = product(layer.kernel, values, size, network.precision);
      if (number === layers.length - 1) {
        values = values.map((x, unit) => x + layer.bias[unit]);
        return;
      }
      if (layer.mean) values = values.map((x, unit) => x - layer.mean[unit]);
      else if (network.norm === "layer") values = layerNorm(values, network.epsilon);
      if (layer.factor) values = values.map((x, unit) => x * layer.factor[unit]);
      const activation = ACTIVATIONS[network.activation];
      values = values.map((x, unit) => activation(x + layer.bias[unit]));
    });
    return after ? values.map((x, i) => x * after.scale[i] + after.mean[i]) : values;
  }

  function softmax(values) {
    const most = Math.max(...values);
    const shares = values.map((x) => Math.exp(x - most));
    const sum = shares.reduce((a, b) => a + b, 0);
    return shares.map((x) => x / sum);
  }

  const LINKS = { softmax, sigmoid: (values) => values.map(sigmoid), identity: (values) => values };

  // What jaxmlp.predict says of one example: probabilities, or values.
  function predict(network, inputs) {
    return LINKS[network.link](outputs(network, inputs));
  }

  return { decode, numbers, outputs, predict };
})();
