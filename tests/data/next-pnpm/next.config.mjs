export default {
  headers: async () => [{ source: '/', headers: [{ key: 'X-Own', value: 'kept' }] }],
};
